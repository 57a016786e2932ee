"""Asking for a power change: checked at once, written as an Operation, done by a worker."""

from django.db import transaction
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import note
from hosts.lifecycle.verbs import VERBS
from hosts.models import VM, Doubt, Migration, Operation
from hosts.states import OPEN_MIGRATION, HostState, OperationState, VMState
from hosts.virt.records import PowerVerb

POWER = "hosts.lifecycle.tasks.power"

#: nothing is started on a host that is being emptied, or in maintenance
KEPT_FREE = (HostState.PREPARING, HostState.MAINTENANCE)


class PowerRefused(Exception):
    """The order makes no sense now: a sentence for the person; nothing was changed."""


def request_power(vm: VM, verb: PowerVerb, *, actor: str) -> Operation:
    """Write the operation and its job, in the caller's transaction. Raises PowerRefused."""
    with transaction.atomic():
        vm = VM.objects.select_for_update(of=("self",)).select_related("host").get(pk=vm.pk)
        _check(vm, verb)
        because = f"Requested by {actor}."
        operation = Operation.objects.create(vm=vm, verb=verb.value, requested_by=actor, because=because)
        note(operation, field="state", old="", new=str(OperationState.QUEUED), because=because, actor=actor)
        feed.changed("operation", operation.pk)
        feed.changed("vm", vm.pk)
        app.configure_task(POWER, lock=f"vm:{vm.pk}").defer(operation_id=operation.pk)
    return operation


def _check(vm: VM, verb: PowerVerb) -> None:
    """Raise PowerRefused where the last known state forbids it; the worker asks libvirt again."""
    if doubt := Doubt.about(vm):
        raise PowerRefused(doubt.forbids)
    if Migration.objects.filter(vm=vm, state__in=OPEN_MIGRATION).exists():
        raise PowerRefused(
            f"{vm} is being migrated; until that has ended it cannot be started, paused, resumed or stopped."
        )
    under_way = Operation.objects.filter(vm=vm, state__in=(OperationState.QUEUED, OperationState.RUNNING))
    if running := under_way.exclude(verb=Operation.MEASURE).first():
        raise PowerRefused(f"Another action on {vm} is under way: {running.get_verb_display()}.")
    if vm.host.state in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
        raise PowerRefused(f"{vm.host}, where {vm} was last seen, does not answer.")
    if verb is PowerVerb.START and vm.host.state in KEPT_FREE:
        label = HostState.of(vm.host.state).label.lower()
        raise PowerRefused(f"{vm.host} is {label}: nothing is started there. Activate it first.")
    state = VMState.of(vm.state)
    if state is VMState.MISSING:
        raise PowerRefused(f"No host has {vm} any more; it was last seen on {vm.host}.")
    if state not in VERBS[verb].allowed:
        raise PowerRefused(f"{vm} is {state.label.lower()}; it cannot {VERBS[verb].infinitive}.")
