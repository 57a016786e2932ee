"""The VMs of a bulk order, each ordered by the order for one VM; what it refuses is kept with the reason."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from datacenter.access import Verb, can
from datacenter.models import BulkItem, BulkOrder
from datacenter.orders.errors import Refused
from datacenter.orders.many import migrate_many
from datacenter.orders.tags import retag_vm
from datacenter.orders.vms import power
from hosts.virt.records import PowerVerb

Action = BulkOrder.Action


def begin(order: BulkOrder, items: list[BulkItem]) -> None:
    """Order each item, in the caller's transaction."""
    user = order.user
    if user is None or not user.is_active:
        for item in items:
            _refuse(item, "Who ordered it may not log in any more.")
    elif order.action == Action.MIGRATE:
        _migrate(user, order, items)
    else:
        for item in items:
            _one(item, _DEEDS[Action(order.action)], user, order)


def _one(item: BulkItem, deed: Callable[[Any, BulkOrder, BulkItem], None], user: Any, order: BulkOrder) -> None:
    try:
        deed(user, order, item)  # without a savepoint: what it writes down of a refusal stays
    except Refused as exc:
        _refuse(item, str(exc))
    else:
        _keep(item, BulkItem.State.ORDERED)


def _power(user: Any, order: BulkOrder, item: BulkItem) -> None:
    item.operation = power(user, item.vm, PowerVerb(order.action))


def _tag(user: Any, order: BulkOrder, item: BulkItem) -> None:
    retag_vm(user, item.vm, add=order.tags)


def _untag(user: Any, order: BulkOrder, item: BulkItem) -> None:
    retag_vm(user, item.vm, remove=order.tags)


_DEEDS = {
    Action.START: _power,
    Action.SHUTDOWN: _power,
    Action.POWER_OFF: _power,
    Action.TAG: _tag,
    Action.UNTAG: _untag,
}


def _migrate(user: Any, order: BulkOrder, items: list[BulkItem]) -> None:
    """Placed together, so that they do not all go to the one host that is best for each of them alone."""
    by_vm = {item.vm_id: item for item in items if can(user, Verb.MIGRATE, item.vm)}
    for item in items:
        if item.vm_id not in by_vm:
            _refuse(item, "You may not do this to it any more.")
    for moved in migrate_many(user, [item.vm for item in by_vm.values()], order.destination):
        item = by_vm[moved.vm.pk]
        if moved.migration is None:
            _refuse(item, moved.reason)
        else:
            item.migration = moved.migration
            _keep(item, BulkItem.State.ORDERED)


def _refuse(item: BulkItem, why: str) -> None:
    item.why = why[:500]
    _keep(item, BulkItem.State.REFUSED)


def _keep(item: BulkItem, state: BulkItem.State) -> None:
    item.state, item.at = state, timezone.now()
    item.save(update_fields=["state", "at", "why", "operation", "migration"])
