"""A host's way into maintenance and out of it: up, preparing, maintenance, connecting, up. Nothing is done to a guest.

Each function is called in a transaction and does nothing where the host is there already.
"""

from django.db.models import QuerySet

from hosts.advance import GODWIT, advance
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, VMState

#: a guest in one of these has memory on its host, or may have
ACTIVE = (VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED, VMState.UNKNOWN)

_SILENT = (HostState.CONNECTING, HostState.NON_RESPONSIVE)


def running_on(host: Host) -> QuerySet[VM]:
    """VMs that run on the host, or may run there."""
    return VM.objects.filter(host=host, state__in=ACTIVE).order_by("name")


def is_empty(host: Host, *, but: frozenset[int] = frozenset()) -> bool:
    """Whether nothing runs on it (``but`` for VMs that are to stay), and nothing is on its way to it or from it."""
    moving = Migration.objects.filter(state__in=OPEN_MIGRATION)
    if moving.filter(destination=host).exists() or moving.filter(source=host).exclude(vm__in=but).exists():
        return False
    return not running_on(host).exclude(pk__in=but).exists()


def why_not(host: Host) -> str:
    """Why this host cannot go to maintenance now; "" if it can."""
    state = HostState.of(host.state)
    if state is HostState.MAINTENANCE:
        return f"{host} is in maintenance already."
    if state is HostState.PREPARING:
        return f"{host} is being prepared for maintenance already."
    if state in _SILENT and (unknown := list(running_on(host).values_list("name", flat=True)[:4])):
        names = ", ".join(unknown[:3]) + (" and others" if len(unknown) > 3 else "")
        return f"{host} does not answer, and what its VMs do is not known ({names}): they may be running there."
    return ""


def prepare(host: Host, *, because: str, actor: str, by: str = "") -> bool:
    """It takes no VM from now on. Straight into maintenance where nothing runs on it. False: it changed meanwhile."""
    host.refresh_from_db()
    if host.state in (HostState.PREPARING, HostState.MAINTENANCE):
        return True
    to = HostState.MAINTENANCE if is_empty(host) else HostState.PREPARING
    also = {"maintenance_reason": because[:500], "maintenance_by": (by or actor)[:150]}
    return advance(host, to, because=because or "Maintenance.", actor=actor, **also)


def shut(host: Host, *, because: str) -> bool:
    """It is empty: maintenance."""
    host.refresh_from_db()
    return host.state == HostState.MAINTENANCE or advance(host, HostState.MAINTENANCE, because=because)


def reopen(host: Host, *, because: str, actor: str = GODWIT) -> bool:
    """Out of it: what was being emptied is up at once, what was in maintenance has to answer first."""
    host.refresh_from_db()
    ways = {HostState.PREPARING: HostState.UP, HostState.MAINTENANCE: HostState.CONNECTING}
    to = ways.get(HostState.of(host.state))
    if to is None:
        return True
    return advance(host, to, because=because, actor=actor, maintenance_reason="", maintenance_by="")
