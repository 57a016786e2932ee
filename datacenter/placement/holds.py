"""Hosts that a maintenance plan holds: the balancer, automatic starts and people's migrations keep off them."""

from datacenter.models.plan import HostHold, Plan
from hosts.models import Host


def held_hosts() -> dict[int, Plan]:
    """host -> the plan that holds it. One query."""
    return {hold.host_id: hold.plan for hold in HostHold.objects.select_related("plan")}


def holder(host: Host) -> Plan | None:
    """The plan that holds this host, if one does."""
    hold = HostHold.objects.select_related("plan").filter(host=host).first()
    return hold.plan if hold else None
