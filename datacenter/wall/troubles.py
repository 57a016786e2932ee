"""What is wrong within a scope, the worst first, and which scene shows it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Q

from datacenter.wall.rotation import Trouble
from datacenter.wall.scope import Scope
from hosts.models import VM, Doubt, Host, Migration
from hosts.states import HostState, MigrationState, VMState

#: of each kind, at most so many by name
_MOST = 20
_STUCK = [MigrationState.POSTCOPY_PAUSED.value, MigrationState.PROBING.value]


def read(scope: Scope, now: datetime) -> list[Trouble]:
    """The worst first. Four queries, whatever the size of the place."""
    found = [*_doubts(scope), *_hosts(scope), *_vms(scope), *_migrations(scope)]
    return sorted(found, key=lambda each: (-each.weight, each.began))


def _doubts(scope: Scope) -> Iterator[Trouble]:
    rows = scope.only(Doubt.objects.select_related("vm", "first", "second"))
    for doubt in rows.filter(resolved_at=None)[:_MOST]:
        text = f"{doubt.vm} may have two copies, on {doubt.first} and {doubt.second}"
        yield Trouble(scene="alerts", text=text, colour="failed", began=doubt.opened_at.timestamp(), weight=4)


def _hosts(scope: Scope) -> Iterator[Trouble]:
    up = Count("vms", filter=Q(vms__state=VMState.UNKNOWN.value))
    rows = scope.only(Host.objects.annotate(unknown=up)).filter(state=HostState.NON_RESPONSIVE.value)
    for host in rows.only("name", "state_since")[:_MOST]:
        vms = f"; its {host.unknown} VM{'s' * (host.unknown != 1)} may be running" if host.unknown else ""
        text = f"{host.name} does not answer{vms}"
        yield Trouble(scene="alerts", text=text, colour="failed", began=host.state_since.timestamp(), weight=3)


def _vms(scope: Scope) -> Iterator[Trouble]:
    """Those whose host answers: what a silent host holds is told with the host."""
    wrong = {VMState.CRASHED.value: "crashed", VMState.MISSING.value: "on no host that answers"}
    rows = scope.only(VM.objects.all()).filter(state__in=wrong)
    told = rows.order_by().values("state").annotate(count=Count("pk"), began=Min("state_since"), name=Min("name"))
    for each in told:
        who = each["name"] if each["count"] == 1 else f"{each['count']} VMs"
        text = f"{who} {'is ' if each['count'] == 1 else 'are '}{wrong[each['state']]}"
        text = text.replace("is crashed", "crashed").replace("are crashed", "crashed")
        yield Trouble(scene="alerts", text=text, colour="warning", began=each["began"].timestamp(), weight=2)


def _migrations(scope: Scope) -> Iterator[Trouble]:
    rows = scope.only(Migration.objects.select_related("vm")).filter(state__in=_STUCK)
    for each in rows.only("vm__name", "state", "state_since")[:_MOST]:
        label = MigrationState.of(each.state).label.lower()
        text = f"The migration of {each.vm} stands: {label}"
        yield Trouble(scene="migrations", text=text, colour="warning", began=each.state_since.timestamp(), weight=2)
