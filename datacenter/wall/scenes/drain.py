"""A plan that empties hosts: how long it still takes, and whether the window holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from datacenter import rows
from datacenter.maintenance.burndown import told
from datacenter.maintenance.pace import Standing
from datacenter.maintenance.standing import standing
from datacenter.templatetags.plans import hosts_of
from datacenter.wall.scenes.curves import WIDTH, steps
from datacenter.wall.scope import Scope
from hosts.states import HOLDING_PLAN, PlanState


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnDown:
    """Attributes of an SVG: paths, and the x of the window's end (None: it has none)."""

    fact: str
    forecast: str
    window: str | None


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``plan`` is the one that runs, ``others`` the rest, started or not. Seven queries with a plan.

    Plans that reach beyond the scope are not shown: the title alone would tell of what is not within.
    """
    held = rows.plans().filter(state__in=[each.value for each in HOLDING_PLAN])
    plans = sorted(scope.only(held), key=lambda plan: (plan.state != PlanState.RUNNING, plan.started_at is None))
    if not plans:
        return {"plan": None, "others": [], "total": 0}
    plan, others = plans[0], plans[1:]
    goes = standing(plan, now)
    hosts = [each for each in hosts_of(plan) if each.state in ("draining", "working", "returning")]
    return {
        "plan": plan,
        "goes": goes,
        "hosts": hosts,
        "listed": len(hosts) + len(others),
        "burn": _burn(told(plan, now)) if plan.started_at else None,
        "late": _late(goes),
        "others": others,
        "total": len(plans),
    }


def _late(goes: Standing) -> bool:
    return goes.late_s is not None and goes.late_s > 0


def _burn(columns: dict[str, Any]) -> BurnDown:
    fact = list(zip(*columns["fact"], strict=True))
    forecast = list(zip(*columns["forecast"], strict=True))
    ends = [at for at, _ in [*fact, *forecast]] + [each for each in (columns["finish"], columns["window"]) if each]
    low, high = min(ends), max([*ends, min(ends) + 10])
    top = max((left for _, left in [*fact, *forecast]), default=0.0)
    window = columns["window"]
    return BurnDown(
        fact=steps(fact, low=low, high=high, top=top),
        forecast=steps(forecast, low=low, high=high, top=top),
        window=f"{WIDTH * (window - low) / (high - low):.1f}" if window else None,
    )
