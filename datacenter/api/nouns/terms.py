"""How a plan goes about it, and how migrations are steered: their records as JSON."""

from dataclasses import replace
from typing import Any, Literal

from ninja import Field, Schema

from datacenter.api.shared import Given
from datacenter.maintenance.terms import After, Order, StepTerms, Terms
from hosts.livemigration.policy import Arrival, Do, Method, Policy, Step, Stuck


class StepIn(Given):
    """One step of the work on each host; ``params`` by kind (docs/host-work.md)."""

    when: Literal["before", "empty", "after"] = "empty"
    kind: Literal["command", "reboot", "health", "webhook", "confirm"] = "confirm"
    params: dict[str, Any] = {}


class TermsIn(Given):
    """How a plan goes about it."""

    at_once: int = Field(1, ge=1, le=100, description="Hosts emptied or worked on at the same time.")
    keep_spare: bool = Field(True, description="N+1: the memory of the largest other host stays free.")
    order: Order = Order.NAME
    migration_policy: str = Field("", max_length=80, description="Its name; empty: each VM's own.")
    stop_unmovable: bool = False
    skip_blocked: bool = True
    follow: After = After.ACTIVATE
    home: bool = Field(False, description="VMs return to the host they came from.")
    home_stagger_s: float = Field(10.0, ge=0, le=3600)
    drain_limit_minutes: int = Field(240, ge=1, le=10_080)
    shutdown_limit_s: float = Field(300.0, ge=5, le=3600)
    steps: list[StepIn] = Field(default=[], max_length=20)
    report_mail: str = Field("", max_length=300)
    report_webhook: str = Field("", max_length=1000)

    def terms(self) -> Terms:
        """The record that orders take."""
        plain = self.dict()
        plain["steps"] = tuple(StepTerms(**step) for step in plain["steps"])
        return replace(Terms(), **plain)


#: where nothing is said
PLAIN = TermsIn.model_validate({})


class StepOut(Schema):
    when: str
    kind: str
    params: dict[str, Any]


class TermsOut(Schema):
    at_once: int
    keep_spare: bool
    order: str
    migration_policy: str
    stop_unmovable: bool
    skip_blocked: bool
    follow: str
    home: bool
    home_stagger_s: float
    drain_limit_minutes: int
    shutdown_limit_s: float
    steps: list[StepOut]
    report_mail: str
    report_webhook: str


def told(data: dict[str, Any]) -> dict[str, Any]:
    """What a row holds, as TermsOut."""
    return Terms.from_json(data).as_json()


class PolicyStepIn(Given):
    """One line of a schedule: after so many passes, or seconds for each GiB of memory."""

    after: int = Field(ge=0, le=1_000_000)
    do: Do = Do.MAX_DOWNTIME
    value: int | None = Field(None, ge=1, le=2_000_000, description="Milliseconds, with max_downtime.")


class SteeringIn(Given):
    """All that a migration policy says; null: QEMU's own default, or no limit."""

    method: Method = Method.ADAPTIVE
    concurrent: int | None = Field(None, ge=1, le=100)
    bandwidth: int | None = Field(None, ge=1 << 20, le=(1 << 40) - 1, description="Bytes/s.")
    initial_downtime_ms: int | None = Field(None, ge=1, le=2_000_000)
    max_downtime_ms: int = Field(300, ge=1, le=2_000_000)
    steps: list[PolicyStepIn] = Field(default=[], max_length=100)
    look_every_s: float = Field(0.0, ge=0, le=3600)
    auto_converge: bool = False
    compression: bool = False
    parallel: int = Field(0, ge=0, le=255)
    tls: bool = False
    zero_copy: bool = False
    arrival: Arrival = Arrival.UNLOCKED
    postcopy: bool = False
    when_stuck: Stuck = Stuck.WAIT
    otherwise: Stuck = Stuck.WAIT
    deadline_s_per_gib: int | None = Field(None, ge=1, le=86_400)
    deadline_least_s: int = Field(60, ge=1, le=604_800)

    def policy(self) -> Policy:
        """The record that orders take."""
        plain = self.dict()
        plain["steps"] = tuple(Step(**step) for step in plain["steps"])
        return replace(Policy(), **plain)
