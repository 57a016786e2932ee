"""Maintenance policies: saved only where they make sense, read back as windows and hosts.

What is refused, and at which field, stands in ``save_policy``; nothing of a refused policy is saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.maintenance import allowed, doors, plans, windows
from datacenter.maintenance.reins import host_s, plain_s
from datacenter.maintenance.terms import After, Terms
from datacenter.models import MaintenancePolicy, Plan, holding
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from datacenter.units import duration
from hosts.models import VM, Cluster, Host
from hosts.states import HostState
from hosts.virt.clock import WALL, Clock

#: a host in one of these holds VMs, or will again without anybody's word
_IN_SERVICE = (HostState.UP, HostState.CONNECTING, HostState.NON_RESPONSIVE)
#: as the columns are
_LONGEST = {"name": 80, "description": 500, "tag": 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person wants a policy to be. Its hosts: ``hosts`` if any are listed, else those with ``tag``, else all
    of ``cluster``. ``starts_at_local`` is a time in ``zone`` and has none itself.
    """

    name: str
    description: str = ""
    enabled: bool = True
    cluster: Cluster
    tag: str = ""
    hosts: tuple[Host, ...] = ()
    rule: str
    starts_at_local: datetime
    zone: str
    duration_minutes: int
    blackouts: tuple[str, ...] = ()
    terms: Terms


def save_policy(
    user: Any, policy: MaintenancePolicy | None, draft: Draft, *, version: int | None = None, clock: Clock = WALL
) -> MaintenancePolicy:
    """Make a policy (None), or change one that is still at ``version``. What runs under it keeps its own terms.

    Forbidden; Refused with the field, of Draft or of Terms, and the reason.
    """
    row = policy or MaintenancePolicy(name=draft.name, version=0)
    require(user, Verb.ADMINISTER, row, order="save_maintenance_policy")
    try:
        _check(user, draft, clock)
        with transaction.atomic():
            return _write(user, row, draft, version=version, clock=clock)
    except windows.RuleRefused as exc:
        audit.record(user, "save_maintenance_policy", row, detail=str(exc), refused=True)
        raise Refused(str(exc), field=exc.field) from exc
    except IntegrityError as exc:
        raise Refused(f"There is a maintenance policy “{draft.name}” already.", field="name") from exc
    except Refused as exc:
        audit.record(user, "save_maintenance_policy", row, detail=str(exc), refused=True)
        raise


def delete(user: Any, policy: MaintenancePolicy) -> None:
    """Take a policy away, with the record of its windows. Forbidden; Refused while a plan of it holds hosts."""
    require(user, Verb.ADMINISTER, policy, order="delete_maintenance_policy")
    if held := Plan.objects.filter(holding(), policy=policy).first():
        raise Refused(f"Its plan “{held}” holds hosts. Let it end, or cancel it, first.")
    with transaction.atomic():
        audit.record(user, "delete_maintenance_policy", policy)
        policy.delete()


def enable(user: Any, policy: MaintenancePolicy, *, enabled: bool, clock: Clock = WALL) -> None:
    """Whether its windows open. A plan that runs goes on; a window that is open already is not begun. Forbidden."""
    order = "enable_maintenance_policy" if enabled else "disable_maintenance_policy"
    require(user, Verb.ADMINISTER, policy, order=order)
    with transaction.atomic():
        row = MaintenancePolicy.objects.select_for_update().get(pk=policy.pk)
        if row.enabled != enabled:
            row.enabled, row.changed_at, row.version = enabled, clock.now(), row.version + 1
            row.save(update_fields=["enabled", "changed_at", "version"])
            audit.record(user, order, row)


def rule_of(policy: MaintenancePolicy | Draft) -> windows.Rule:
    """When its windows open. RuleRefused where a row holds what this version does not read."""
    return windows.parse(
        policy.rule,
        starts_at=policy.starts_at_local,
        zone=policy.zone,
        duration_minutes=policy.duration_minutes,
        blackouts=policy.blackouts,
    )


def preview(policy: MaintenancePolicy | Draft, count: int = 10, *, clock: Clock = WALL) -> list[windows.Window]:
    """Its next windows, whether it is enabled or not. RuleRefused."""
    return windows.occurrences(rule_of(policy), clock.now(), count)


def hosts_of(policy: MaintenancePolicy) -> list[Host]:
    """Its hosts as they are now, by name."""
    rows = Host.objects.filter(cluster=policy.cluster_id)
    listed = policy.hosts.values_list("pk", flat=True)
    if listed.exists():
        rows = rows.filter(pk__in=listed)
    elif policy.tag:
        rows = rows.filter(tags__contains=[policy.tag])
    return list(rows.select_related("cluster").order_by("name", "pk"))


def covers(policy: MaintenancePolicy, host: Host) -> bool:
    """Whether the host is one of its. No query where its ``hosts`` were prefetched."""
    if host.cluster_id != policy.cluster_id:
        return False
    if listed := {each.pk for each in policy.hosts.all()}:
        return host.pk in listed
    return not policy.tag or policy.tag in host.tags


def quickest_s(user: Any, hosts: Sequence[Host], terms: Terms) -> float:
    """What the quickest of these hosts takes, in seconds: a plan is made, read, and taken back.

    Where none can be made now (another plan holds a host), the size of their VMs tells.
    """
    up = [host for host in hosts if host.state == HostState.UP]
    try:
        with transaction.atomic():
            plan = plans.make_plan(user, up, title="A forecast", reason="", terms=terms)
            found = quickest_of(plan)
            transaction.set_rollback(True)
    except Refused:
        return _by_size(hosts)
    return found


def quickest_of(plan: Plan) -> float:
    """What the quickest host of a plan takes, in seconds, as the runner counts it."""
    return min((host_s(row) for row in plan.hosts.select_related("plan")), default=0.0)


def _by_size(hosts: Sequence[Host]) -> float:
    takes: dict[int, list[float]] = {host.pk: [0.0] for host in hosts}
    for vm in VM.objects.filter(host__in=hosts, state__in=doors.ACTIVE):
        takes[vm.host_id].append(plain_s(vm))
    return min((max(max(each), sum(each) / 2) for each in takes.values()), default=0.0)


def _check(user: Any, draft: Draft, clock: Clock) -> None:
    """Refused or RuleRefused, with the field at fault."""
    _check_text(draft.name, "name", required=True)
    _check_text(draft.description, "description")
    _check_text(draft.tag, "tag")
    windows.check(rule_of(draft), clock.now())
    plans.check_terms(draft.terms)
    chosen = _check_hosts(draft)
    allowed.check_steps(user, chosen, draft.terms)
    _check_roll(draft, chosen)
    needs = quickest_s(user, chosen, draft.terms)
    if needs > draft.duration_minutes * 60:
        lasts = duration(draft.duration_minutes * 60)
        words = f"The window lasts {lasts}, and emptying the quickest of its hosts takes about {duration(needs)}"
        raise Refused(f"{words}: nothing would ever begin.", field="duration_minutes")


def _check_text(text: str, field: str, *, required: bool = False) -> None:
    if required and not text.strip():
        raise Refused("It needs a name.", field=field)
    most = _LONGEST[field]
    if len(text) > most or any(ord(each) < 32 for each in text):
        raise Refused(f"This is at most {most} characters on one line.", field=field)


def _check_hosts(draft: Draft) -> list[Host]:
    """The hosts it is about now."""
    if draft.hosts and draft.tag:
        raise Refused("Hosts by a tag or by a list: choose one.", field="tag")
    for host in draft.hosts:
        if host.cluster_id != draft.cluster.pk:
            words = f"{host} is in the cluster {host.cluster}, not in {draft.cluster}. A policy is about one cluster."
            raise Refused(words, field="hosts")
    rows = Host.objects.filter(cluster=draft.cluster)
    if draft.tag:
        rows = rows.filter(tags__contains=[draft.tag])
    chosen = list(draft.hosts) or list(rows)
    if not chosen:
        words = (
            f"No host of {draft.cluster} has the tag “{draft.tag}”." if draft.tag else f"{draft.cluster} has no host."
        )
        raise Refused(words, field="tag" if draft.tag else "cluster")
    return chosen


def _check_roll(draft: Draft, chosen: Sequence[Host]) -> None:
    """Refused where a cluster would be left without a host."""
    serving = set(Host.objects.filter(cluster=draft.cluster, state__in=_IN_SERVICE).values_list("pk", flat=True))
    taken = serving & {host.pk for host in chosen}
    if len(serving) < 2 and taken:
        words = f"{draft.cluster} has one host in service: its VMs would have nowhere to go."
        raise Refused(words, field="hosts" if draft.hosts else "tag" if draft.tag else "cluster")
    at_once = min(draft.terms.at_once, len(taken)) if taken else 0
    if serving and at_once >= len(serving):
        words = f"{draft.cluster} has {len(serving)} hosts in service: so many at once would empty its last one."
        raise Refused(words, field="at_once")
    if draft.terms.follow is After.STAY and taken and taken == serving:
        words = f"Hosts that stay in maintenance add up: at the end of the roll {draft.cluster} would have none left."
        raise Refused(words, field="follow")


def _write(user: Any, row: MaintenancePolicy, draft: Draft, *, version: int | None, clock: Clock) -> MaintenancePolicy:
    if row.pk is not None:
        row = MaintenancePolicy.objects.select_for_update().get(pk=row.pk)
        if version is not None and version != row.version:
            raise Refused(f"Somebody changed it meanwhile: it is at version {row.version}. Look at it again.")
    row.name, row.description, row.enabled = draft.name.strip(), draft.description, draft.enabled
    row.cluster, row.tag = draft.cluster, draft.tag
    row.rule = draft.rule.strip().upper().removeprefix("RRULE:")
    row.starts_at_local = draft.starts_at_local.replace(tzinfo=UTC)
    row.zone, row.duration_minutes, row.blackouts = draft.zone, draft.duration_minutes, list(draft.blackouts)
    row.terms, row.version, row.changed_at = draft.terms.as_json(), row.version + 1, clock.now()
    row.made_by = row.made_by or user.get_username()
    row.save()
    row.hosts.set(draft.hosts)
    audit.record(user, "save_maintenance_policy", row, detail=f"version {row.version}")
    return row
