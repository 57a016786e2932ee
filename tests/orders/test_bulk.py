"""Many at once: what the preview says, what is ordered for each, what a cancel leaves."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from datacenter import orders
from datacenter.models import BulkItem, BulkOrder, User
from datacenter.orders import bulk
from hosts.models import VM, Event, Migration, Operation
from hosts.states import HostState, VMState
from tests.factory import make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db
Action = BulkOrder.Action


@pytest.fixture
def ada() -> User:
    return User.objects.create(username="ada", is_superuser=True)


@pytest.fixture
def vms() -> dict[str, VM]:
    home = make_cluster()
    h1, h2, silent = make_host("h1", cluster=home), make_host("h2", cluster=home), make_host("h3", cluster=home)
    silent.state = HostState.NON_RESPONSIVE.value
    silent.save()
    made = {name: make_vm(name, host=h1) for name in ("up1", "up2", "moving")}
    made["down"] = make_vm("down", host=h1, state=VMState.DOWN.value)
    made["silent"] = make_vm("silent", host=silent)
    make_migration(made["moving"], destination=h2)
    return made


def judge(user: Any, action: Action, **more: Any) -> tuple[list[str], dict[str, list[str]]]:
    judged = bulk.preview(user, action, VM.objects.order_by("name"), **more)
    return [vm.name for vm in judged.will], {each.reason: [vm.name for vm in each.vms] for each in judged.left}


def outcomes(row: BulkOrder) -> dict[str, tuple[str, str]]:
    return {item.vm.name: (item.state, item.why) for item in row.items.select_related("vm")}


def test_it_refuses_nothing_chosen_too_many_and_tags_that_are_none(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(orders.Refused, match="No VM was chosen"):
        bulk.preview(ada, Action.START, VM.objects.none())
    make_vm()
    make_vm()
    with pytest.raises(orders.Refused, match="is no tag"):
        bulk.preview(ada, Action.TAG, VM.objects.all(), tags=["a b"])
    with pytest.raises(orders.Refused, match="Say which tags"):
        bulk.preview(ada, Action.TAG, VM.objects.all())
    monkeypatch.setattr(bulk, "MOST", 1)
    with pytest.raises(orders.Refused, match="at most 1 VMs"):
        bulk.preview(ada, Action.START, VM.objects.all())


def test_it_says_before_what_it_will_do_and_why_not_to_others(ada: User, vms: dict[str, VM]) -> None:
    will, left = judge(ada, Action.SHUTDOWN)
    assert will == ["up1", "up2"]
    assert left == {
        "It is being migrated.": ["moving"],
        "It is down: it cannot be shut down.": ["down"],
        "Its host does not answer.": ["silent"],
    }
    assert judge(ada, Action.START)[0] == ["down"]
    assert judge(ada, Action.MIGRATE)[0] == ["up1", "up2"]
    assert judge(ada, Action.TAG, tags=["gold"])[0] == ["down", "moving", "silent", "up1", "up2"]


def test_it_leaves_alone_what_one_may_not_touch(vms: dict[str, VM]) -> None:
    will, left = judge(AnonymousUser(), Action.SHUTDOWN)
    assert will == []
    assert left == {"You may not do this to it.": ["down", "moving", "silent", "up1", "up2"]}
    with pytest.raises(orders.Refused, match="Nothing is to be done"):
        bulk.order(AnonymousUser(), bulk.preview(AnonymousUser(), Action.START, VM.objects.all()))
    assert not BulkOrder.objects.exists()


def test_it_orders_each_by_the_order_for_one_and_keeps_what_was_refused(ada: User, vms: dict[str, VM]) -> None:
    row = bulk.order(ada, bulk.preview(ada, Action.SHUTDOWN, VM.objects.order_by("name")), query="q=x")
    VM.objects.filter(name="up2").update(state=VMState.PAUSED.value)  # between preview and its turn
    bulk.carry_out_all()
    row.refresh_from_db()
    found = outcomes(row)
    assert row.state == BulkOrder.State.DONE
    assert found["up1"] == (BulkItem.State.ORDERED, "")
    assert found["up2"] == (BulkItem.State.REFUSED, "up2 is paused; it cannot be shut down.")
    assert found["down"][0] == BulkItem.State.REFUSED
    assert [each.vm.name for each in Operation.objects.select_related("vm")] == ["up1"]
    assert Event.orders.filter(verb="shutdown", kind="refused", name="up2").exists()  # each order writes its audit
    done = bulk.progress(row)
    assert (done.total, done.ordered, done.refused, done.waiting) == (5, 1, 4, 0)


def test_it_places_those_that_migrate_together(ada: User, vms: dict[str, VM]) -> None:
    row = bulk.order(ada, bulk.preview(ada, Action.MIGRATE, VM.objects.filter(name__startswith="up")))
    bulk.carry_out_all()
    assert Migration.objects.filter(vm__name__startswith="up", destination__name="h2").count() == 2
    assert all(state == BulkItem.State.ORDERED for state, _ in outcomes(row).values())


def test_it_tags_and_takes_tags_away(ada: User, vms: dict[str, VM]) -> None:
    VM.objects.filter(name="up1").update(tags=["old", "own"])
    two = VM.objects.filter(name__startswith="up")
    for action, tags in ((Action.TAG, ["gold"]), (Action.UNTAG, ["old"])):
        bulk.order(ada, bulk.preview(ada, action, two, tags=tags), tags=tags)
    bulk.carry_out_all()
    assert dict(two.values_list("name", "tags")) == {"up1": ["own", "gold"], "up2": ["gold"]}


def test_it_begins_nothing_more_once_it_is_cancelled(
    ada: User, vms: dict[str, VM], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    row = bulk.order(ada, bulk.preview(ada, Action.TAG, VM.objects.order_by("name"), tags=["x"]), tags=["x"])
    assert bulk.carry_out() == 1
    stranger = User.objects.create(username="otto")
    with pytest.raises(orders.Forbidden):
        bulk.cancel(stranger, row)
    bulk.cancel(ada, row)
    assert bulk.carry_out() == 0
    assert VM.objects.filter(tags=["x"]).count() == 1
    assert bulk.progress(row).cancelled == 4
    with pytest.raises(orders.Refused, match="has ended"):
        bulk.cancel(ada, row)


def test_it_does_nothing_for_somebody_who_may_not_log_in_any_more(ada: User, vms: dict[str, VM]) -> None:
    row = bulk.order(ada, bulk.preview(ada, Action.TAG, VM.objects.all(), tags=["x"]), tags=["x"])
    User.objects.filter(pk=ada.pk).update(is_active=False)
    bulk.carry_out_all()
    assert not VM.objects.filter(tags=["x"]).exists()
    assert {why for _, why in outcomes(row).values()} == {"Who ordered it may not log in any more."}


def test_it_shows_each_only_his_own(ada: User) -> None:
    make_vm()
    otto = User.objects.create(username="otto")
    bulk.order(ada, bulk.preview(ada, Action.TAG, VM.objects.all(), tags=["x"]), tags=["x"])
    assert bulk.seen_by(ada).count() == 1
    assert bulk.seen_by(otto).count() == 0
