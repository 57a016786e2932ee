"""Godwit's own health: who works, how old what it knows is, the record of events, the database."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from datacenter.api.metrics.text import Family, Sample, gauge
from datacenter.models import Plan
from hosts.models import Duty, Event, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, PlanState
from hosts.virt.clock import WALL


def families() -> Iterator[Family]:
    """A dozen queries."""
    yield from _leases()
    yield from _collectors()
    yield from _events()
    yield from _jobs()
    yield from _database()


def _leases() -> Iterator[Family]:
    now = timezone.now()
    held: list[Sample] = []
    stale: list[Sample] = []
    for noun, rows in _leased().items():
        fresh = rows.filter(lease_until__gt=now).count()
        held.append(({"noun": noun}, fresh))
        stale.append(({"noun": noun}, rows.count() - fresh))
    yield gauge("godwit_leases_held", "Rows that a process works on now.", held)
    yield gauge("godwit_leases_missing", "Rows that a process should work on, and none does.", stale)
    duties = Duty.objects.values_list("name", "lease_until")
    on: list[Sample] = [({"duty": name}, int(until is not None and until > now)) for name, until in duties]
    yield gauge("godwit_duty_held", "1: a process of the installation does this now.", on)


def _leased() -> dict[str, QuerySet[Any]]:
    under_way = [state for state in OPEN_MIGRATION if state is not MigrationState.QUEUED]
    return {
        "host": Host.objects.order_by(),
        "migration": Migration.objects.filter(state__in=under_way).order_by(),
        "plan": Plan.objects.filter(state=PlanState.RUNNING.value).order_by(),
    }


def _collectors() -> Iterator[Family]:
    now = timezone.now()
    up = Host.objects.filter(state=HostState.UP.value)
    newest = Host.objects.aggregate(at=Max("figures_at"))["at"]
    oldest = up.exclude(answered_at=None).order_by("answered_at").values_list("answered_at", flat=True).first()
    yield gauge("godwit_figures_age_seconds", "Since any host's figures were written last.", _age(now, newest))
    yield gauge("godwit_answer_age_seconds", "Of the host that is up and has answered longest ago.", _age(now, oldest))


def _events() -> Iterator[Family]:
    last = Event.objects.aggregate(number=Max("number"))["number"]
    waits = Event.objects.filter(number=None).order_by("id").values_list("at", flat=True).first()
    yield gauge("godwit_events_last_number", "The last event's place in the chain.", last or 0)
    yield gauge(
        "godwit_events_unsealed_seconds", "Age of the oldest event without a seal.", _age(timezone.now(), waits) or 0.0
    )


def _jobs() -> Iterator[Family]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY 1")
        counted = dict(cursor.fetchall())
    states = ("todo", "doing", "failed")
    yield gauge(
        "godwit_jobs", "Jobs of the workers, by state.", [({"state": each}, counted.get(each, 0)) for each in states]
    )


def _database() -> Iterator[Family]:
    begun = WALL.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        took = WALL.monotonic() - begun
        cursor.execute("SELECT pg_notification_queue_usage(), pg_database_size(current_database())")
        usage, size = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (connections,) = cursor.fetchone()
    yield gauge("godwit_database_answer_seconds", "How long the database takes for nothing.", took)
    yield gauge("godwit_database_bytes", "Size of the database.", size)
    yield gauge("godwit_database_connections", "Connections to it.", connections)
    yield gauge("godwit_feed_queue_ratio", "How full the queue of notifications is: 1 stops the feed.", usage)


def _age(now: datetime, at: datetime | None) -> float | None:
    return None if at is None else (now - at).total_seconds()
