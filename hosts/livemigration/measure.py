"""Measuring how fast a guest changes its memory: over a second, and over four where that tells more.

When a person asks it is an operation, done by a worker; before a migration the worker that drives it measures.
"""

import logging
import os

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import advance, note
from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.records import LONG_S, SHORT_S
from hosts.livemigration.words import speed
from hosts.models import VM, Migration, Operation
from hosts.states import OPEN_MIGRATION, HostState, OperationState, VMState
from hosts.virt.errors import VirtError
from hosts.virt.pool import POOL, Pool
from hosts.virt.records import DirtyRate

log = logging.getLogger(__name__)

MEASURE = "hosts.livemigration.tasks.measure"
#: from this share of the speed on, what the guest dirties in four seconds decides how it ends: below, few passes do
_MATTERS = 0.1
_UNDER_WAY = (OperationState.QUEUED, OperationState.RUNNING)


class MeasureRefused(Exception):
    """The order makes no sense now: a sentence for the person; nothing was changed."""


def request_measurement(vm: VM, *, actor: str) -> Operation:
    """Write the operation and its job, in the caller's transaction. Raises MeasureRefused."""
    with transaction.atomic():
        vm = VM.objects.select_for_update(of=("self",)).select_related("host").get(pk=vm.pk)
        _check(vm)
        because = f"Requested by {actor}."
        operation = Operation.objects.create(vm=vm, verb=Operation.MEASURE, requested_by=actor, because=because)
        note(operation, field="state", old="", new=str(OperationState.QUEUED), because=because, actor=actor)
        feed.changed("vm", vm.pk)
        app.configure_task(MEASURE).defer(operation_id=operation.pk)
    return operation


def _check(vm: VM) -> None:
    if vm.state != VMState.UP:
        raise MeasureRefused(f"Only a running VM changes its memory; {vm} is {VMState.of(vm.state).label.lower()}.")
    if vm.host.state in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
        raise MeasureRefused(f"{vm.host}, where {vm} runs, does not answer.")
    if Migration.objects.filter(vm=vm, state__in=OPEN_MIGRATION).exists():
        raise MeasureRefused(f"{vm} is being migrated; its page shows how fast it changes its memory.")
    if Operation.objects.filter(vm=vm, verb=Operation.MEASURE, state__in=_UNDER_WAY).exists():
        raise MeasureRefused(f"{vm} is being measured already.")


def perform(pk: int, *, pool: Pool = POOL) -> None:
    """QUEUED -> RUNNING -> DONE or FAILED; a second call for the same one does nothing."""
    operation = Operation.objects.select_related("vm__host").get(pk=pk)
    actor = operation.requested_by
    if operation.state != OperationState.QUEUED:
        return
    if not advance(operation, OperationState.RUNNING, because="A worker has taken it.", actor=actor):
        return
    feed.changed("vm", operation.vm_id)
    vm = operation.vm
    try:
        driver = pool.get(vm.host.uri)
        short = driver.measure_dirty_rate(str(vm.uuid), SHORT_S)
        long = driver.measure_dirty_rate(str(vm.uuid), LONG_S) if matters(short.bytes_per_s) else None
    except VirtError as exc:
        log.info("No dirty rate of %s: %s", vm, exc, extra={"action": "dirty_rate_unknown"})
        advance(operation, OperationState.FAILED, because=f"It could not be measured: {exc}", actor=actor)
    else:
        keep(vm, short, long)
        advance(operation, OperationState.DONE, because=in_words(short, long), actor=actor)
    feed.changed("vm", vm.pk)


def matters(rate: float, against: float | None = None) -> bool:
    """Whether a second, longer measurement is worth its four seconds. f(1 s) alone does not tell a small set that is
    rewritten again and again from a scan of all memory: at 60 MiB/s, 240 MiB or 80 MiB after four seconds.

    ``against``: the bytes/s that the migration will have; None: what the lab's hosts manage.
    """
    wanted = os.environ.get("GODWIT_MEASURE_LONG", "1") != "0"
    return wanted and rate >= _MATTERS * (against or Constants().free_speed)


def keep(vm: VM, short: DirtyRate, long: DirtyRate | None) -> None:
    """The VM's last measurements, with their age: an older long one goes with its short one.

    The moment is ours: a host's clock may be off.
    """
    now = timezone.now()
    VM.objects.filter(pk=vm.pk).update(
        dirty_rate=short.bytes_per_s,
        dirty_rate_at=now,
        dirty_rate_long=long.bytes_per_s if long else None,
        dirty_rate_long_at=now if long else None,
    )


def in_words(short: DirtyRate, long: DirtyRate | None) -> str:
    """ "It dirties 46 MiB/s; over 4 s, 25 MiB/s." """
    if long is None:
        return f"It dirties {speed(short.bytes_per_s)}."
    return f"It dirties {speed(short.bytes_per_s)}; over {LONG_S} s, {speed(long.bytes_per_s)}."


def latest(vm: VM) -> Operation | None:
    """The last measurement that was asked for, for the words beside its button."""
    return Operation.objects.filter(vm=vm, verb=Operation.MEASURE).order_by("-requested_at").first()
