"""Asking for a migration, or for a change to one that runs: checked at once, written as rows, done by a worker.

::

    RequestRefused               a sentence for the person; nothing was changed
    ├── NotMovable               the VM does not run, or something else holds it
    ├── DestinationRefused       that host cannot be the destination        (field "destination")
    ├── ValueRefused             bandwidth or pause outside what QEMU takes (field "bandwidth", "max_downtime_ms")
    └── NotAdjustable            the migration has ended, is not ours, or is in a phase that forbids it
"""

from collections.abc import Sequence
from typing import Any, Unpack

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosts import feed
from hosts.advance import advance, note
from hosts.livemigration import preflight
from hosts.livemigration.admission import nudge
from hosts.livemigration.preflight import About
from hosts.livemigration.terms import Asked, terms
from hosts.models import VM, Adjustment, Host, Migration, Priority
from hosts.states import CANCELLABLE, MigrationState

#: what libvirt takes for a bandwidth: whole MiB/s, at least one, and no more than fits QEMU's 64 bits
LEAST_BANDWIDTH = 1 << 20
GREATEST_BANDWIDTH = (1 << 40) - 1
GREATEST_DOWNTIME_MS = 2_000_000

#: nothing was asked of libvirt yet: a cancel needs nobody else
_NOT_STARTED = (MigrationState.QUEUED, MigrationState.CHECKING, MigrationState.MEASURING)


class RequestRefused(Exception):
    """The request makes no sense now. ``field`` names the form field at fault, if one is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotMovable(RequestRefused):
    """The VM does not run, or something else holds it."""


class DestinationRefused(RequestRefused):
    """That host cannot be the destination."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="destination")


class ValueRefused(RequestRefused):
    """A number outside what QEMU takes."""


class NotAdjustable(RequestRefused):
    """The migration has ended, is not ours, or is in a phase that forbids it."""


def request_migration(
    vm: VM,
    destination: Host,
    *,
    actor: str,
    priority: Priority = Priority.PERSON,
    alternatives: Sequence[Host] = (),
    **asked: Unpack[Asked],
) -> Migration:
    """Write the migration into the queue, in the caller's transaction.

    What is not asked for is left to the policy: the one asked for, the VM's own, its cluster's, or Adaptive.
    ``alternatives``: other hosts, best first, to be tried should this one refuse or the move fail; none where a person
    picked the host.
    Raises RequestRefused. That nothing else moves this VM is held by the database, not only by the look before.
    """
    check_bandwidth(asked.get("bandwidth"))
    check_downtime(asked.get("max_downtime_ms"))
    with transaction.atomic():
        vm = _locked(vm)
        fields = terms(vm, destination, **asked)
        fields["postcopy_allowed"] &= not fields["copy_disks"]  # what is on its way could not be fetched by page
        _check(vm, destination, fields)
        fields |= {"priority": priority, "alternatives": [host.pk for host in alternatives]}
        return _queue(vm, destination, actor=actor, fields=fields)


def _locked(vm: VM) -> VM:
    related = ("host__cluster__migration_policy", "host__cluster__datacenter", "migration_policy")
    return VM.objects.select_for_update(of=("self",)).select_related(*related).get(pk=vm.pk)


def _queue(vm: VM, destination: Host, *, actor: str, fields: dict[str, Any]) -> Migration:
    because = f"Requested by {actor}."
    try:
        with transaction.atomic():
            migration = Migration.objects.create(
                vm=vm, source=vm.host, destination=destination, requested_by=actor, because=because, **fields
            )
    except IntegrityError as exc:
        raise NotMovable(f"{vm} is being migrated already.") from exc
    note(migration, field="state", old="", new=str(MigrationState.QUEUED), because=because, actor=actor)
    feed.changed("migration", migration.pk)
    feed.changed("vm", vm.pk)
    nudge()
    return migration


def adjust(migration: Migration, kind: str, value: int | None = None, *, actor: str) -> Adjustment:
    """Write down what somebody wants changed; the supervisor does it at its next tick, a cancel in the queue is done
    at once. ``value``: bytes/s (None: no cap), ms, or None for cancel and post-copy. Raises RequestRefused.
    """
    with transaction.atomic():
        migration = Migration.objects.select_for_update(of=("self",)).get(pk=migration.pk)
        _check_adjustable(migration, kind)
        _check_value(kind, value)
        adjustment = Adjustment.objects.create(migration=migration, kind=kind, value=value, actor=actor)
        if kind == Adjustment.CANCEL:
            _cancel(migration, adjustment, actor)
        feed.changed("migration", migration.pk)
    return adjustment


def _cancel(migration: Migration, adjustment: Adjustment, actor: str) -> None:
    now = timezone.now()
    if MigrationState.of(migration.state) not in _NOT_STARTED:
        Migration.objects.filter(pk=migration.pk, cancel_requested_at=None).update(cancel_requested_at=now)
        return
    because = f"Cancelled by {actor} before anything moved."
    if advance(
        migration, MigrationState.CANCELLED, because=because, actor=actor, cancel_requested_at=now, ended_at=now
    ):
        adjustment.applied_at = now
        adjustment.save(update_fields=["applied_at"])
        feed.changed("vm", migration.vm_id)
        nudge()


def check_bandwidth(value: int | None) -> None:
    """Raise ValueRefused unless libvirt takes this cap, in bytes/s; None is no cap."""
    if value is not None and not LEAST_BANDWIDTH <= value <= GREATEST_BANDWIDTH:
        raise ValueRefused("A bandwidth is 1 MiB/s to 1,048,575 MiB/s, or nothing for no cap.", field="bandwidth")


def check_downtime(value: int | None) -> None:
    """Raise ValueRefused unless QEMU takes this pause, in ms; None leaves QEMU's 300 ms."""
    if value is not None and not 1 <= value <= GREATEST_DOWNTIME_MS:
        raise ValueRefused("An allowed pause is 1 ms to 2,000,000 ms.", field="max_downtime_ms")


def _check(vm: VM, destination: Host, asked: dict[str, Any]) -> None:
    """Preflight by what is stored; the worker asks both hosts once more. Raises the first refusal."""
    wishes = preflight.wishes(asked)
    case = preflight.from_rows(
        vm, destination, free_bytes=destination.memory_free_bytes, wishes=wishes, busy=preflight.busy(vm)
    )
    found = preflight.objection(preflight.judge(case))
    if found is None:
        return
    if found.about is About.VM:
        raise NotMovable(found.sentence)
    if found.about is About.OPTION:
        raise ValueRefused(found.sentence, field="parallel" if asked["parallel"] else None)
    raise DestinationRefused(f"{destination} cannot take {vm}: {found.sentence}")


def _check_adjustable(migration: Migration, kind: str) -> None:
    state = MigrationState.of(migration.state)
    if kind not in dict(Adjustment.KINDS):
        raise NotAdjustable(f"There is no adjustment “{kind}”.")
    if not migration.ours:
        raise NotAdjustable("Another tool started this migration; Godwit follows it and never touches it.")
    if state.is_final:
        raise NotAdjustable(f"This migration has ended: {state.label.lower()}.")
    if migration.offline and (kind != Adjustment.CANCEL or state not in _NOT_STARTED):
        raise NotAdjustable("The VM is down and nothing but its definition moves: that takes a second, and ends so.")
    if kind == Adjustment.CANCEL:
        _check_cancellable(migration, state)
    elif kind == Adjustment.POSTCOPY:
        _check_postcopy(migration, state)
    elif state in (MigrationState.CONFIRMING, MigrationState.POSTCOPY_PAUSED):
        raise NotAdjustable("The memory has moved already; there is nothing left to adjust.")


def _check_cancellable(migration: Migration, state: MigrationState) -> None:
    if state in (MigrationState.POSTCOPY, MigrationState.POSTCOPY_PAUSED):
        raise NotAdjustable(
            "In post-copy a migration cannot be cancelled: the guest runs on the destination, part of its memory is "
            "still on the source, and neither side alone holds the guest."
        )
    if state is MigrationState.CONFIRMING:
        raise NotAdjustable("The guest runs on the destination already; there is nothing left to cancel.")
    if state not in (*CANCELLABLE, MigrationState.SWITCHING, MigrationState.PROBING):
        raise NotAdjustable(f"A migration that is {state.label.lower()} cannot be cancelled.")
    if migration.cancel_requested_at is not None:
        raise NotAdjustable("It is being cancelled already.")


def _check_postcopy(migration: Migration, state: MigrationState) -> None:
    if state in (MigrationState.POSTCOPY, MigrationState.POSTCOPY_PAUSED):
        raise NotAdjustable("It is in post-copy already.")
    if migration.arrives_paused:
        raise NotAdjustable("The guest arrives paused, because no lock protects its disks: it cannot use post-copy.")
    if not migration.postcopy_allowed:
        raise NotAdjustable("Post-copy was not allowed when this migration was started.")
    if state is not MigrationState.COPYING:
        raise NotAdjustable("Post-copy can be switched to only while memory is being copied.")


def _check_value(kind: str, value: int | None) -> None:
    if kind == Adjustment.BANDWIDTH:
        check_bandwidth(value)
    elif kind == Adjustment.MAX_DOWNTIME:
        if value is None:
            raise ValueRefused("Say how long the guest may pause, in ms.", field="max_downtime_ms")
        check_downtime(value)
    elif value is not None:
        raise ValueRefused("This takes no value.")
