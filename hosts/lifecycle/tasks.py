"""The job that does a power change: asks libvirt for the truth, does it, and writes how it ended."""

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import advance
from hosts.lifecycle.request import KEPT_FREE, POWER
from hosts.lifecycle.verbs import VERBS
from hosts.models import Doubt, Migration, Operation
from hosts.states import OPEN_MIGRATION, HostState, OperationState
from hosts.threads import blocking
from hosts.virt.errors import HostLost, HostUnreachable, NoSuchDomain, VirtError, WrongState
from hosts.virt.pool import POOL, Pool
from hosts.virt.records import DomainState, DomainStatus, PowerVerb

log = logging.getLogger(__name__)

#: an operation that runs for longer lost its worker: every call to a host has a deadline of some seconds
LONGEST = timedelta(minutes=1)
#: but for a suspend, which writes the guest's memory to a disk
LONGEST_SUSPEND = timedelta(minutes=30)
_IN_TRANSIT = frozenset({"migration", "postcopy", "postcopy_failed", "starting_up"})


@app.task(name=POWER)
async def power(operation_id: int) -> None:
    """Do one operation; a second call for the same one does nothing."""
    await blocking(perform, operation_id)


def perform(pk: int, *, pool: Pool = POOL) -> None:
    """QUEUED -> RUNNING -> DONE or FAILED, each with its reason. Never raises for what a host says."""
    operation = Operation.objects.select_related("vm__host").get(pk=pk)
    if operation.state != OperationState.QUEUED:
        return
    if not advance(operation, OperationState.RUNNING, because="A worker has taken it.", actor=operation.requested_by):
        return
    state, because = OperationState.DONE, VERBS[PowerVerb(operation.verb)].done
    try:
        _act(operation, pool)
    except VirtError as exc:
        state, because = OperationState.FAILED, _explain(operation, exc)
    advance(operation, state, because=because, actor=operation.requested_by)
    feed.changed("vm", operation.vm_id)


def _act(operation: Operation, pool: Pool) -> None:
    vm, verb = operation.vm, PowerVerb(operation.verb)
    if Migration.objects.filter(vm=vm, state__in=OPEN_MIGRATION).exists():
        raise WrongState(f"{vm} is being migrated.")
    if doubt := Doubt.about(vm):
        raise WrongState(doubt.forbids)
    if verb is PowerVerb.START and vm.host.state in KEPT_FREE:
        raise WrongState(f"{vm.host} is {HostState.of(vm.host.state).label.lower()}: nothing is started there.")
    driver = pool.get(vm.host.uri)
    status = driver.domain_status(str(vm.uuid))
    # libvirt takes a resume of a copy that waits for its migration: the guest would run twice
    if _in_transit(status):
        raise WrongState(f"{vm} is half way between two hosts ({status.reason}).")
    driver.power(str(vm.uuid), verb)


def _in_transit(status: DomainStatus) -> bool:
    half = status.reason in {"postcopy", "postcopy_failed"}
    return half or (status.state is DomainState.PAUSED and status.reason in _IN_TRANSIT)


def _explain(operation: Operation, exc: VirtError) -> str:
    vm, host = operation.vm, operation.vm.host
    if isinstance(exc, NoSuchDomain):
        return f"{host} has no VM {vm} any more."
    if isinstance(exc, HostUnreachable):
        return f"{host} cannot be reached, so nothing was asked of it: {exc}"
    if isinstance(exc, HostLost):
        return f"{host} did not answer; whether it was done is not known: {exc}"
    return str(exc)


def abandon_unfinished() -> int:
    """Operations RUNNING whose worker died: their outcome is not known, and nobody will tell. How many there were."""
    count = 0
    now = timezone.now()
    suspends = Q(verb=PowerVerb.SUSPEND.value)
    old = ~suspends & Q(state_since__lt=now - LONGEST) | suspends & Q(state_since__lt=now - LONGEST_SUSPEND)
    for operation in Operation.objects.filter(old, state=OperationState.RUNNING):
        because = "The worker ended while it was under way; look at the VM's state."
        count += advance(operation, OperationState.FAILED, because=because)
    return count
