"""Measuring how fast a guest changes its memory, when a person asks: an operation, done by a worker."""

import logging

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import advance, note
from hosts.livemigration.words import speed
from hosts.models import VM, Migration, Operation
from hosts.states import OPEN_MIGRATION, HostState, OperationState, VMState
from hosts.virt.errors import VirtError
from hosts.virt.pool import POOL, Pool
from hosts.virt.records import DirtyRate

log = logging.getLogger(__name__)

MEASURE = "hosts.livemigration.tasks.measure"
#: page sampling over so many seconds: the forecast's form of f(T) is anchored at one second
SECONDS = 1
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
        found = pool.get(vm.host.uri).measure_dirty_rate(str(vm.uuid), SECONDS)
    except VirtError as exc:
        log.info("No dirty rate of %s: %s", vm, exc, extra={"action": "dirty_rate_unknown"})
        advance(operation, OperationState.FAILED, because=f"It could not be measured: {exc}", actor=actor)
    else:
        keep(vm, found)
        because = f"It dirties {speed(found.bytes_per_s)}."
        advance(operation, OperationState.DONE, because=because, actor=actor)
    feed.changed("vm", vm.pk)


def keep(vm: VM, found: DirtyRate) -> None:
    """The VM's last measurement, with its age. The moment is ours: a host's clock may be off."""
    VM.objects.filter(pk=vm.pk).update(dirty_rate=found.bytes_per_s, dirty_rate_at=timezone.now())


def latest(vm: VM) -> Operation | None:
    """The last measurement that was asked for, for the words beside its button."""
    return Operation.objects.filter(vm=vm, verb=Operation.MEASURE).order_by("-requested_at").first()
