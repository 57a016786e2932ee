"""Reads what the rules are given: a dozen queries, whatever the size of the place."""

import shutil
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import Count, Max, Min, Q, QuerySet
from procrastinate.contrib.django.models import ProcrastinateWorker

from datacenter.alerts.foresight import Foresight
from datacenter.alerts.limits import Limits
from datacenter.alerts.records import (
    Blocked,
    CertificateFact,
    DoubtFact,
    Facts,
    HostFact,
    Key,
    LoadFact,
    MigrationFact,
    Own,
    PlanFact,
    Progress,
    UnknownVM,
)
from datacenter.alerts.rules_hosts import ROOM
from datacenter.maintenance.standing import standing
from datacenter.models import Alert, AlertKind, HostCertificate, Plan, PlanMove
from hosts.models import VM, Doubt, Duty, Host, HostLoad, Migration, Sample
from hosts.recording import Place
from hosts.states import AlertState, MigrationState, PlanMoveState, PlanState, VMState
from hosts.virt.clock import WALL

_LIVE = (MigrationState.COPYING, MigrationState.SWITCHING, MigrationState.POSTCOPY)
_WATCHED = (*_LIVE, MigrationState.POSTCOPY_PAUSED, MigrationState.PROBING)
#: plans whose red moves tell of a window that is coming or open
_PLANNED = (PlanState.APPROVED, PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED)
_ALIVE = (VMState.UP, VMState.PAUSED, VMState.SUSPENDED, VMState.POWERING_DOWN)
#: a lost migration of longer ago is history
_LOST_FOR = timedelta(days=30)


def read(now: datetime, limits: Limits, *, watching_since: datetime, foresight: Foresight) -> Facts:
    """Everything, as of ``now``."""
    hosts = {host.pk: host for host in _hosts(now)}
    return Facts(
        now=now,
        watching_since=watching_since,
        hosts=tuple(hosts.values()),
        unknown=tuple(_unknown()),
        doubts=tuple(_doubts(hosts)),
        migrations=tuple(_migrations(now, hosts, limits)),
        lost=tuple(_lost(now, hosts)),
        blocked=(*_blocked(hosts), *foresight.blocked(now, hosts)),
        plans=tuple(_plans(now, hosts)),
        loads=tuple(_loads(now, hosts, limits)),
        certificates=tuple(_certificates(hosts)),
        own=_own(len(hosts)),
        held=frozenset(_held()),
    )


def _held() -> Iterator[Key]:
    rows = Alert.objects.exclude(state=AlertState.RESOLVED.value)
    yield from rows.values_list("kind", "subject_noun", "subject_pk").order_by()


def _hosts(now: datetime) -> Iterator[HostFact]:
    running = Count("vms", filter=~Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value]))
    rows = Host.objects.annotate(vm_count=running).order_by("name").values(
        "pk", "name", "cluster_id", "cluster__datacenter_id", "state", "state_since", "answered_at", "error",
        "off_stated_at", "vm_count", "lease_until", "added_at",
    )  # fmt: skip
    for row in rows:
        held = row["lease_until"] is not None and row["lease_until"] >= now
        yield HostFact(
            pk=row["pk"],
            name=row["name"],
            place=Place(datacenter=row["cluster__datacenter_id"], cluster=row["cluster_id"], host=row["pk"]),
            state=row["state"],
            state_since=row["state_since"],
            answered_at=row["answered_at"],
            error=row["error"],
            off=row["off_stated_at"] is not None,
            vms=row["vm_count"],
            unheard_since=None if held else row["lease_until"] or row["answered_at"] or row["added_at"],
        )


def _unknown() -> Iterator[UnknownVM]:
    rows = VM.objects.filter(state=VMState.UNKNOWN.value).order_by("pk")
    for pk, name, host, since, seen in rows.values_list("pk", "name", "host_id", "state_since", "seen_at"):
        yield UnknownVM(pk=pk, name=name, host=host, since=since, seen_at=seen)


def _doubts(hosts: dict[int, HostFact]) -> Iterator[DoubtFact]:
    for row in Doubt.objects.filter(resolved_at=None).select_related("vm", "first", "second").defer("vm__xml"):
        yield DoubtFact(
            vm=row.vm_id,
            name=row.vm.name,
            first=row.first.name,
            second=row.second.name,
            because=row.because,
            opened_at=row.opened_at,
            place=_at(hosts, row.vm.host_id, vm=row.vm_id),
            remedy=f"{row.remedy} the copy on {row.remedy_host}" if row.remedy and row.remedy_host else "",
        )


def _migrations(now: datetime, hosts: dict[int, HostFact], limits: Limits) -> Iterator[MigrationFact]:
    rows = list(_told(Migration.objects.filter(state__in=[state.value for state in _WATCHED])))
    span = timedelta(seconds=limits.longest_s(AlertKind.MIGRATION_STALLED))
    old = [row.pk for row in rows if row.state in _LIVE and row.started_at and now - row.started_at >= span]
    found = _progress(old, now - span, span) if old else {}
    for row in rows:
        yield _fact(row, hosts, found.get(row.pk))


def _progress(pks: list[int], cut: datetime, span: timedelta) -> dict[int, Progress]:
    """What each has sent and left, before and after ``cut``; no further back than three times the span."""
    before, lately = Q(at__lte=cut), Q(at__gt=cut)
    rows = Sample.objects.filter(migration__in=pks, at__gt=cut - 2 * span).order_by().values("migration").annotate(
        newest=Max("at"), moved=Max("processed_bytes"), moved_before=Max("processed_bytes", filter=before),
        least=Min("remaining_bytes", filter=lately), least_before=Min("remaining_bytes", filter=before),
    )  # fmt: skip
    return {
        row["migration"]: Progress(
            sampled_at=row["newest"],
            moved=row["moved"],
            moved_before=row["moved_before"],
            least=row["least"],
            least_before=row["least_before"],
        )
        for row in rows
    }


def _lost(now: datetime, hosts: dict[int, HostFact]) -> Iterator[MigrationFact]:
    rows = Migration.objects.filter(state=MigrationState.LOST.value, state_since__gte=now - _LOST_FOR)
    for row in _told(rows.exclude(vm__state__in=[state.value for state in _ALIVE])):
        yield _fact(row, hosts, None)


def _told(rows: QuerySet[Migration]) -> Iterator[Migration]:
    fields = (
        "state", "state_since", "because", "started_at", "vm__name", "vm__state", "vm__host_id", "source__name",
        "destination__name",
    )  # fmt: skip
    yield from rows.select_related("vm", "source", "destination").only(*fields)


def _fact(row: Migration, hosts: dict[int, HostFact], progress: Progress | None) -> MigrationFact:
    return MigrationFact(
        pk=row.pk,
        vm=row.vm_id,
        vm_name=row.vm.name,
        vm_state=VMState.of(row.vm.state).label,
        source=row.source.name,
        destination=row.destination.name if row.destination else "an unknown host",
        state=row.state,
        since=row.state_since,
        because=row.because,
        place=_at(hosts, row.vm.host_id, vm=row.vm_id),
        started_at=row.started_at,
        progress=progress,
    )


def _blocked(hosts: dict[int, HostFact]) -> Iterator[Blocked]:
    red = PlanMove.objects.filter(
        plan_host__plan__state__in=[state.value for state in _PLANNED],
        leg=PlanMove.Leg.OUT,
        light=PlanMove.Light.RED,
        state__in=[PlanMoveState.WAITING.value, PlanMoveState.FAILED.value],
    )
    for row in red.select_related("vm", "plan_host__host", "plan_host__plan").defer("vm__xml"):
        yield Blocked(
            vm=row.vm_id,
            name=row.vm.name,
            host=row.plan_host.host.name,
            why=row.why,
            remedy=row.remedy,
            told=f"the plan “{row.plan_host.plan}”",
            place=_at(hosts, row.vm.host_id, vm=row.vm_id),
        )


def _plans(now: datetime, hosts: dict[int, HostFact]) -> Iterator[PlanFact]:
    running = Plan.objects.filter(state=PlanState.RUNNING.value, window_ends_at__isnull=False)
    for plan in running.prefetch_related("hosts"):
        it = standing(plan, now)
        if it.late_s is None or plan.window_ends_at is None:
            continue
        seats = list(plan.hosts.all())
        where = _at(hosts, seats[0].host_id) if seats else Place()
        yield PlanFact(
            pk=plan.pk,
            title=plan.title,
            place=Place(datacenter=where.datacenter, cluster=where.cluster),
            late_s=it.late_s,
            left_s=it.left_s,
            done=it.done,
            total=it.total,
            ends_at=plan.window_ends_at,
        )


def _loads(now: datetime, hosts: dict[int, HostFact], limits: Limits) -> Iterator[LoadFact]:
    """Of hosts that are near a threshold at this moment only: of the others it is not asked what they were before."""
    figures = Host.objects.filter(pk__in=hosts).values_list("pk", "cpu_percent", "memory_bytes", "memory_free_bytes")
    near: dict[AlertKind, dict[int, float]] = {AlertKind.CPU_HIGH: {}, AlertKind.MEMORY_HIGH: {}}
    sizes: dict[int, int] = {}
    for pk, cpu, total, free in figures:
        sizes[pk] = total or 0
        for kind, used in ((AlertKind.CPU_HIGH, cpu), (AlertKind.MEMORY_HIGH, _used(free, total))):
            if used is not None and used >= limits.least(kind) - ROOM:
                near[kind][pk] = used
    for kind, current in near.items():
        by_time: dict[int, list[int]] = {}
        for pk in current:
            by_time.setdefault(limits.for_s(kind, hosts[pk].place.cluster), []).append(pk)
        for for_s, pks in by_time.items():
            for pk, cpu, free, since in _over(pks, now - timedelta(seconds=for_s)):
                least = cpu if kind is AlertKind.CPU_HIGH else _used(free, sizes[pk])
                if least is not None:
                    yield LoadFact(host=hosts[pk], kind=kind, least=least, now=current[pk], since=since)


def _over(pks: list[int], start: datetime) -> Iterator[tuple[int, float | None, int | None, datetime]]:
    """Of each host the least CPU and the most free memory since ``start``, and the first figure there is."""
    rows = HostLoad.objects.filter(host__in=pks, at__gte=start).order_by().values("host")
    told = rows.annotate(cpu=Min("cpu_percent"), free=Max("memory_free_bytes"), since=Min("at"))
    yield from told.values_list("host", "cpu", "free", "since")


def _used(free: int | None, total: int | None) -> float | None:
    return None if free is None or not total else 100.0 * (total - free) / total


def _certificates(hosts: dict[int, HostFact]) -> Iterator[CertificateFact]:
    rows = HostCertificate.objects.filter(not_after__isnull=False, host__uri__startswith="qemu+tls://")
    for row in rows:
        if row.host_id in hosts and row.not_after and row.looked_at:
            yield CertificateFact(
                host=hosts[row.host_id], not_after=row.not_after, subject=row.subject, looked_at=row.looked_at
            )


def _own(hosts: int) -> Own:
    free, total, path = _disk()
    with connection.cursor() as cursor:
        before = WALL.now()
        cursor.execute("SELECT clock_timestamp(), pg_database_size(current_database())")
        there, database_bytes = cursor.fetchone()
        ours = before + (WALL.now() - before) / 2
    return Own(
        worker_at=ProcrastinateWorker.objects.aggregate(at=Max("last_heartbeat"))["at"],
        guardian_at=Duty.objects.filter(name="guardian").values_list("lease_until", flat=True).first(),
        hosts=hosts,
        disk_free=free,
        disk_total=total,
        disk_path=path,
        database_bytes=database_bytes,
        skew_s=(ours - there).total_seconds(),
        machine=socket.gethostname(),
    )


def _disk() -> tuple[int | None, int | None, str]:
    """Of the database's own directory, where it is on this machine and we may ask; else it is not known."""
    address = str(connection.get_connection_params().get("host") or "")
    if address not in ("", "localhost", "127.0.0.1", "::1") and not address.startswith("/"):
        return None, None, ""
    try:
        with transaction.atomic(), connection.cursor() as cursor:  # a refusal must not spoil the caller's transaction
            cursor.execute("SHOW data_directory")
            path = Path(cursor.fetchone()[0])
    except DatabaseError:  # the role may not read this setting: the administrator's choice
        return None, None, ""
    try:
        usage = shutil.disk_usage(path)
    except OSError:  # in a container or on another machine behind this address
        return None, None, ""
    return usage.free, usage.total, str(path)


def _at(hosts: dict[int, HostFact], host: int, *, vm: int | None = None) -> Place:
    found = hosts.get(host)
    where = found.place if found else Place(host=host)
    return Place(datacenter=where.datacenter, cluster=where.cluster, host=where.host, vm=vm)
