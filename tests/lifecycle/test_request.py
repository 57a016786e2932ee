"""Asking for a power change: it …"""

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from hosts.lifecycle.request import PowerRefused, request_power
from hosts.lifecycle.verbs import VERBS
from hosts.models import Operation
from hosts.states import HostState, OperationState, VMState
from hosts.virt.records import PowerVerb
from tests.factory import make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("verb", list(PowerVerb))
@pytest.mark.parametrize("state", list(VMState))
def test_it_takes_a_verb_only_where_the_state_allows_it(verb: PowerVerb, state: VMState) -> None:
    vm = make_vm(state=str(state))
    if state in VERBS[verb].allowed:
        assert request_power(vm, verb, actor="ann").state == OperationState.QUEUED
        return
    with pytest.raises(PowerRefused):
        request_power(vm, verb, actor="ann")
    assert not Operation.objects.exists()
    assert not ProcrastinateJob.objects.exists()


@pytest.mark.parametrize("verb", list(PowerVerb))
def test_it_refuses_every_verb_while_the_vm_migrates(verb: PowerVerb) -> None:
    vm = make_vm(state="paused" if verb is PowerVerb.RESUME else "up")
    make_migration(vm, state="copying")
    with pytest.raises(PowerRefused, match="is being migrated"):
        request_power(vm, verb, actor="ann")


def test_it_refuses_a_second_action_while_one_is_under_way() -> None:
    vm = make_vm()
    request_power(vm, PowerVerb.REBOOT, actor="ann")
    with pytest.raises(PowerRefused, match="under way: reboot"):
        request_power(vm, PowerVerb.POWER_OFF, actor="ben")


def test_it_refuses_where_the_host_does_not_answer() -> None:
    vm = make_vm(host=make_host("dark", state=str(HostState.NON_RESPONSIVE)))
    with pytest.raises(PowerRefused, match=r"dark, where .* does not answer"):
        request_power(vm, PowerVerb.POWER_OFF, actor="ann")


def test_it_says_where_a_missing_vm_was_last_seen() -> None:
    with pytest.raises(PowerRefused, match=r"No host has .* any more; it was last seen on"):
        request_power(make_vm(state="missing"), PowerVerb.START, actor="ann")


def test_it_writes_the_row_and_the_job() -> None:
    vm = make_vm()
    operation = request_power(vm, PowerVerb.PAUSE, actor="ann")
    job = ProcrastinateJob.objects.get()
    assert (job.task_name, job.lock) == ("hosts.lifecycle.tasks.power", f"vm:{vm.pk}")
    assert job.args == {"operation_id": operation.pk}


@pytest.mark.parametrize("state", [HostState.PREPARING, HostState.MAINTENANCE])
def test_it_starts_nothing_on_a_host_that_is_kept_free(state: HostState) -> None:
    vm = make_vm(host=make_host("kept", state=str(state)), state="down")
    with pytest.raises(PowerRefused, match=r"kept is .*: nothing is started there"):
        request_power(vm, PowerVerb.START, actor="ann")
    assert not Operation.objects.exists()
