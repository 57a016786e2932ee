"""A VM's buttons: what its state allows, the reason beside what it does not, and the orders behind them."""

import re

import pytest
from django.test import Client

from datacenter.models import AuditEntry
from hosts.models import VM, Operation
from hosts.states import HostState, MigrationState, VMState
from tests.screens import factory

pytestmark = pytest.mark.django_db


def buttons(client: Client, vm: VM) -> dict[str, str]:
    """Label -> "" or the reason why it can't be pressed."""
    page = client.get(f"/vms/{vm.uuid}").content.decode()
    header = page.split('class="actions"', 1)[1].split("</div>", 1)[0]
    found = re.findall(r"<(?:button|a) ([^>]*)>.*?</svg>([^<]+)</(?:button|a)>", header, re.S)
    return {label: (re.search(r'title="([^"]*)"', attributes) or ["", ""])[1] for attributes, label in found}


@pytest.mark.parametrize(
    ("state", "pressable"),
    [
        (VMState.UP, {"Migrate…", "Shut down", "Pause", "Reboot", "Power off"}),
        (VMState.PAUSED, {"Migrate…", "Resume", "Power off"}),
        (VMState.POWERING_DOWN, {"Shut down", "Power off"}),
        (VMState.SUSPENDED, {"Power off"}),
        (VMState.DOWN, {"Migrate…", "Start"}),  # by its definition alone
        (VMState.CRASHED, {"Start"}),
        (VMState.MISSING, set()),
    ],
)
def test_it_offers_what_the_state_allows(otto: Client, state: VMState, pressable: set[str]) -> None:
    offered = buttons(otto, factory.vm(state=state.value))
    assert {label for label, reason in offered.items() if not reason} == pressable
    assert len(offered) == 5


def test_it_offers_nothing_while_it_migrates_and_says_so(otto: Client) -> None:
    vm = factory.vm()
    factory.migration(vm, factory.host("h2"), state=MigrationState.COPYING.value)
    assert set(buttons(otto, vm).values()) == {"It is being migrated."}


def test_it_offers_nothing_on_a_host_that_does_not_answer(otto: Client) -> None:
    vm = factory.vm(on=factory.host("mute", state=HostState.NON_RESPONSIVE.value), state=VMState.UNKNOWN.value)
    assert set(buttons(otto, vm).values()) == {"mute does not answer."}


def test_it_asks_before_it_destroys_and_names_the_vm(otto: Client) -> None:
    page = otto.get(f"/vms/{factory.vm('ledger').uuid}").content.decode()
    assert re.findall(r'hx-confirm="(Power off ledger\?)', page)
    assert page.count("hx-confirm") == 1


def test_it_orders_and_says_what_was_ordered(otto: Client) -> None:
    vm = factory.vm("web")
    answer = otto.post(f"/vms/{vm.uuid}/power", {"verb": "reboot"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "web was asked to reboot" in answer.content.decode()
    assert Operation.objects.get().verb == "reboot"
    assert AuditEntry.objects.get().actor == "otto"


def test_it_leads_back_to_the_vm_without_javascript(otto: Client) -> None:
    vm = factory.vm("web")
    answer = otto.post(f"/vms/{vm.uuid}/power", {"verb": "pause"}, follow=True)
    assert answer.redirect_chain == [(f"/vms/{vm.uuid}", 302)]
    assert "web is being paused" in answer.content.decode()


def test_it_refuses_one_who_only_views_and_keeps_the_attempt(vera: Client) -> None:
    vm = factory.vm()
    answer = vera.post(f"/vms/{vm.uuid}/power", {"verb": "power_off"}, headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "You may not" in answer.content.decode()
    assert not Operation.objects.exists()
    assert AuditEntry.objects.get().refused


def test_it_refuses_what_the_state_forbids_with_the_reason(otto: Client) -> None:
    answer = otto.post(f"/vms/{factory.vm().uuid}/power", {"verb": "start"}, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "cannot be started" in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("verb", ["", "explode", "START"])
def test_it_knows_no_other_verb(otto: Client, verb: str) -> None:
    assert otto.post(f"/vms/{factory.vm().uuid}/power", {"verb": verb}).status_code == 400


def test_it_takes_no_order_by_get(otto: Client) -> None:
    assert otto.get(f"/vms/{factory.vm().uuid}/power?verb=power_off").status_code == 405
