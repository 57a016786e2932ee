"""Hosts that a maintenance plan holds: the balancer, automatic starts and people's migrations keep off them."""

from collections.abc import Sequence
from dataclasses import replace

from datacenter.models.plan import HostHold, Plan
from datacenter.placement.choose import Candidate
from hosts.models import Host


def held_hosts() -> dict[int, Plan]:
    """host -> the plan that holds it. One query."""
    return {hold.host_id: hold.plan for hold in HostHold.objects.select_related("plan")}


def holder(host: Host) -> Plan | None:
    """The plan that holds this host, if one does."""
    hold = HostHold.objects.select_related("plan").filter(host=host).first()
    return hold.plan if hold else None


def keep_off(judged: Sequence[Candidate]) -> list[Candidate]:
    """For everybody but the plan itself: hosts that a plan holds take nothing; they come last, with the reason."""
    held = held_hosts() if judged else {}
    found = [_held(each, held[each.host.pk]) if each.host.pk in held and each.ok else each for each in judged]
    return sorted(found, key=lambda each: not each.ok)


def _held(candidate: Candidate, plan: Plan) -> Candidate:
    reason = f"The maintenance plan “{plan}” holds it."
    return replace(candidate, ok=False, reason=reason, remedy="Wait for its end, or cancel it.", score=0.0)
