"""What would happen if a VM moved: each host with its checks and its forecast."""

from typing import Any

from ninja import Field, Schema

from datacenter.api.shared import Ref
from datacenter.placement.prospects import Choice, plan
from hosts.livemigration.beforehand import Outlook
from hosts.livemigration.forecast.records import Range
from hosts.livemigration.terms import Asked
from hosts.models import VM, Host


class FindingOut(Schema):
    """One check of the preflight."""

    check: str
    outcome: str = Field(description="passes, warns, refuses, unknown.")
    text: str
    remedy: str
    about: str = Field(description="Who would have to be changed: vm, host, option.")


class RangeOut(Schema):
    """A median with the range that holds nine in ten."""

    low: float
    median: float
    high: float


class ForecastOut(Schema):
    """What it would take."""

    method: str = Field(description="precopy, throttle, postcopy, stuck.")
    sentence: str
    why: str
    probability: float = Field(description="That it ends within its terms, 0 to 1.")
    seconds: RangeOut | None
    pause_ms: RangeOut | None
    bytes: RangeOut | None


class CandidateOut(Schema):
    """One host, best first."""

    host: Ref
    ok: bool
    reason: str = Field(description="Why it cannot take the VM.")
    remedy: str
    score: float
    free_memory_after_bytes: int | None
    checks: list[FindingOut]
    forecast: ForecastOut | None = Field(description="null: it cannot go there, or was not measured yet.")


class ProspectsOut(Schema):
    chosen: int | None = Field(description="The host that would be taken.")
    blocked: FindingOut | None = Field(description="What keeps the VM from moving anywhere.")
    offline: bool = Field(description="The VM is down: its definition alone moves.")
    candidates: list[CandidateOut]


def prospects(vm: VM, wanted: Host | None, asked: dict[str, Any]) -> dict[str, Any]:
    """As the migrate dialog shows it, best first. A constant number of queries."""
    options: Asked = asked  # type: ignore[assignment]  # the members of Terms are Asked's
    found = plan(vm, wanted, options)
    return {
        "chosen": found.chosen.host.pk if found.chosen else None,
        "blocked": found.blocked.as_dict() if found.blocked else None,
        "offline": found.offline,
        "candidates": [_candidate(each) for each in found.choices],
    }


def _candidate(choice: Choice) -> dict[str, Any]:
    it = choice.candidate
    return {
        "host": it.host,
        "ok": it.ok,
        "reason": it.reason,
        "remedy": it.remedy,
        "score": it.score,
        "free_memory_after_bytes": it.free_memory_after_bytes,
        "checks": [each.as_dict() for each in it.checks],
        "forecast": _forecast(choice.outlook) if choice.outlook else None,
    }


def _forecast(outlook: Outlook) -> dict[str, Any]:
    it = outlook.prospect
    return {
        "method": outlook.method,
        "sentence": outlook.sentence,
        "why": outlook.why,
        "probability": it.probability,
        "seconds": _range(it.seconds),
        "pause_ms": _range(it.pause_ms),
        "bytes": _range(it.bytes),
    }


def _range(given: Range | None) -> dict[str, float] | None:
    return {"low": given.low, "median": given.median, "high": given.high} if given else None
