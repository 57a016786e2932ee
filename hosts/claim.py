"""Leases with an epoch: who drives this migration, who listens to this host.

A holder that froze and thawed runs on beside its successor; so every side effect on a hypervisor first checks
``still_held``: the epoch in the database must be the one it was given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from hosts.models import Leased


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on one row until it runs out, or until somebody else takes it over."""

    model: type[Leased]
    pk: int
    holder: str
    epoch: int
    ttl_s: float


def claim(model: type[Leased], pk: int, *, holder: str, ttl_s: float = 10.0) -> Lease | None:
    """Take the lease of a row that nobody holds, or whose lease ran out; None if somebody holds it.

    The database's clock decides, never ours: processes on many machines compare with the same one.
    """
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    taken = model._default_manager.filter(free, pk=pk).update(
        lease_holder=holder, lease_epoch=F("lease_epoch") + 1, lease_until=Now() + timedelta(seconds=ttl_s)
    )
    if not taken:
        return None
    epoch = model._default_manager.values_list("lease_epoch", "lease_holder").get(pk=pk)
    if epoch[1] != holder:  # ran out and taken again between the two statements
        return None
    return Lease(model=model, pk=pk, holder=holder, epoch=epoch[0], ttl_s=ttl_s)


def renew(lease: Lease) -> bool:
    """Hold on for another ``ttl_s``. False: the lease is lost, stop working on the row."""
    return bool(_own(lease).update(lease_until=Now() + timedelta(seconds=lease.ttl_s)))


def renew_all(leases: Iterable[Lease], *, model: type[Leased]) -> set[int]:
    """Hold on to many leases of one model with one statement; the keys of those that are held still."""
    held = {lease.pk: lease for lease in leases}
    if not held:
        return set()
    table = connection.ops.quote_name(model._meta.db_table)
    query = (
        f"UPDATE {table} SET lease_until = now() + make_interval(secs => mine.ttl) "  # noqa: S608 - a table of ours
        "FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::float8[]) AS mine(pk, holder, epoch, ttl) "
        "WHERE id = mine.pk AND lease_holder = mine.holder AND lease_epoch = mine.epoch RETURNING id"
    )
    ordered = [held[pk] for pk in sorted(held)]  # two that lock many rows lock them in one order
    with connection.cursor() as cursor:
        cursor.execute(
            query,
            [[each.pk for each in ordered], [each.holder for each in ordered],
             [each.epoch for each in ordered], [each.ttl_s for each in ordered]],
        )  # fmt: skip
        return {pk for (pk,) in cursor.fetchall()}


def still_held(lease: Lease) -> bool:
    """Whether the lease is ours and has not run out; asked before every side effect."""
    return _own(lease).filter(lease_until__gte=Now()).exists()


def release(lease: Lease) -> None:
    """Give it back, so that the next one need not wait for it to run out."""
    _own(lease).update(lease_holder="", lease_until=None)


def _own(lease: Lease) -> QuerySet[Leased]:
    return lease.model._default_manager.filter(pk=lease.pk, lease_holder=lease.holder, lease_epoch=lease.epoch)
