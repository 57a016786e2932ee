"""Tags of VMs: given, added, taken, refused."""

import pytest
from django.contrib.auth.models import AnonymousUser

from datacenter import orders
from datacenter.access import SHELL
from hosts.models import VM, Event
from tests.factory import make_vm

pytestmark = pytest.mark.django_db


def tags(vm: VM) -> list[str]:
    return VM.objects.get(pk=vm.pk).tags


@pytest.mark.parametrize("bad", ["two words", "", "a" * 61, "semi;colon", "a,b"])
def test_it_refuses_what_is_no_tag(bad: str) -> None:
    vm = make_vm(tags=["gold"])
    with pytest.raises(orders.Refused, match="is no tag"):
        orders.tag_vm(SHELL, vm, ["good", bad])
    assert tags(vm) == ["gold"]


def test_it_refuses_more_than_twenty() -> None:
    with pytest.raises(orders.Refused, match="more than 20"):
        orders.tag_vm(SHELL, make_vm(), [f"t{n}" for n in range(21)])


def test_it_is_for_who_may_edit_the_vm() -> None:
    vm = make_vm()
    for deed in (
        lambda: orders.tag_vm(AnonymousUser(), vm, ["x"]),
        lambda: orders.retag_vm(AnonymousUser(), vm, add=["x"]),
    ):
        with pytest.raises(orders.Forbidden):
            deed()
    assert tags(vm) == []
    assert Event.orders.filter(kind="refused", vm_pk=vm.pk).count() == 2


def test_it_gives_each_tag_once_in_the_order_given() -> None:
    vm = make_vm()
    orders.tag_vm(SHELL, vm, ["gold", "Büro", "gold"])
    assert tags(vm) == ["gold", "Büro"]


def test_it_adds_and_takes_without_touching_others() -> None:
    vm = make_vm(tags=["gold", "old"])
    orders.retag_vm(SHELL, vm, add=["new", "gold"], remove=["old"])
    assert tags(vm) == ["gold", "new"]
    before = Event.orders.count()
    orders.retag_vm(SHELL, vm, add=["gold"])
    assert Event.orders.count() == before  # nothing was changed, nothing is written down
