"""Many VMs at once: what would become of each, the order for all of them, and carrying it out a batch at a time.

The preview judges by what is known; each VM is asked about again when its turn comes, by the order for one VM, which
asks access, writes the audit and may refuse. A batch is one transaction that holds the bulk order's row: a worker that
dies leaves whole batches, and the next worker goes on with what waits. What a token or a person may was asked when it
was ordered; when its turn comes, what its owner may then.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from datacenter import audit
from datacenter.access import SYSTEM, Verb, can, visible
from datacenter.models import BulkItem, BulkOrder
from datacenter.orders.bulk_items import begin
from datacenter.orders.errors import Forbidden, Refused
from datacenter.orders.tags import checked
from hosts.lifecycle.request import KEPT_FREE
from hosts.lifecycle.verbs import VERBS
from hosts.models import VM, Doubt, Migration, MigrationMode, Operation
from hosts.states import OPEN_MIGRATION, HostState, OperationState, VMState
from hosts.threads import blocking
from hosts.virt.records import PowerVerb

log = logging.getLogger(__name__)

MOST = 2000
BATCH = 20
EVERY_S = 2.0
Action = BulkOrder.Action

#: what one has to be allowed on each VM
NEEDS = {
    Action.START: Verb.POWER,
    Action.SHUTDOWN: Verb.POWER,
    Action.POWER_OFF: Verb.POWER,
    Action.MIGRATE: Verb.MIGRATE,
    Action.TAG: Verb.EDIT_VM,
    Action.UNTAG: Verb.EDIT_VM,
}
_SILENT = (HostState.CONNECTING, HostState.NON_RESPONSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """VMs that are left alone for one reason."""

    reason: str
    vms: list[VM]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of each VM, as far as it can be told now."""

    action: Action
    will: list[VM]
    left: list[Left]  # the commonest reason first

    @property
    def left_count(self) -> int:
        return sum(len(each.vms) for each in self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a bulk order has come, in VMs."""

    total: int
    waiting: int
    ordered: int
    refused: int
    cancelled: int

    @property
    def begun(self) -> int:
        return self.total - self.waiting


def preview(user: Any, action: Action, vms: QuerySet[VM], *, tags: Sequence[str] = ()) -> Preview:
    """What ``action`` would do to ``vms``, and why not to some. Five queries. Refused: too many, none, a bad tag."""
    if action in (Action.TAG, Action.UNTAG) and not checked(tags):
        raise Refused("Say which tags.", field="tags")
    chosen = list(
        vms.select_related("host").only("name", "uuid", "state", "migration_mode", "tags", "host")[: MOST + 1]
    )
    if not chosen:
        raise Refused("No VM was chosen, or none that you may see.")
    if len(chosen) > MOST:
        raise Refused(f"One order is for at most {MOST} VMs. Narrow the list down.")
    keys = [vm.pk for vm in chosen]
    allowed = set(visible(user, VM.objects.filter(pk__in=keys), NEEDS[action]).values_list("pk", flat=True))
    facts = _Facts(keys)
    will, left = [], defaultdict(list)
    for vm in chosen:
        reason = facts.against(vm, action) if vm.pk in allowed else "You may not do this to it."
        if reason:
            left[reason].append(vm)
        else:
            will.append(vm)
    ordered = sorted(left.items(), key=lambda each: (-len(each[1]), each[0]))
    return Preview(action=action, will=will, left=[Left(reason=reason, vms=rows) for reason, rows in ordered])


class _Facts:
    """What forbids an action on any of the VMs: three queries for all of them."""

    def __init__(self, keys: Iterable[int]) -> None:
        keys = list(keys)
        doubts = Doubt.objects.filter(vm__in=keys, resolved_at=None)
        moving = Migration.objects.filter(vm__in=keys, state__in=OPEN_MIGRATION)
        working = Operation.objects.filter(vm__in=keys, state__in=(OperationState.QUEUED, OperationState.RUNNING))
        self.doubted = set(doubts.values_list("vm", flat=True))
        self.moving = set(moving.values_list("vm", flat=True))
        self.working = set(working.exclude(verb=Operation.MEASURE).values_list("vm", flat=True))

    def against(self, vm: VM, action: Action) -> str:
        """Why the action would be refused, the same words for all it holds for; "" if nothing is known against it."""
        if action in (Action.TAG, Action.UNTAG):
            return ""
        if vm.pk in self.doubted:
            return "It may have two copies: nothing is done to it until one is gone."
        if vm.pk in self.moving:
            return "It is being migrated."
        if vm.pk in self.working:
            return "Another action on it is under way."
        if vm.host.state in _SILENT:
            return "Its host does not answer."
        return _by_state(vm, action)


def _by_state(vm: VM, action: Action) -> str:
    state = VMState.of(vm.state)
    if action is Action.MIGRATE:
        if vm.migration_mode == MigrationMode.PINNED:
            return "Its rule says: not to be migrated."
        return (
            "" if state in (VMState.UP, VMState.PAUSED) else f"It is {state.label.lower()}: nothing is to be migrated."
        )
    if action is Action.START and vm.host.state in KEPT_FREE:
        return "Its host is kept free for maintenance: nothing is started there."
    verb = VERBS[PowerVerb(action.value)]
    return "" if state in verb.allowed else f"It is {state.label.lower()}: it cannot {verb.infinitive}."


def order(user: Any, judged: Preview, *, query: str = "", tags: Sequence[str] = ()) -> BulkOrder:
    """Order what the preview says will be done; what it leaves is kept with its reason. Refused: there is nothing."""
    if not judged.will:
        raise Refused("Nothing is to be done to any of them.")
    with transaction.atomic():
        row = BulkOrder.objects.create(
            action=judged.action,
            user_id=getattr(user, "owner", user).pk,
            ordered_by=user.get_username(),
            query=query[:2000],
            tags=list(tags),
        )
        items = [BulkItem(order=row, vm=vm) for vm in judged.will]
        for each in judged.left:
            items += [
                BulkItem(order=row, vm=vm, state=BulkItem.State.REFUSED, why=each.reason[:500]) for vm in each.vms
            ]
        BulkItem.objects.bulk_create(items, batch_size=500)
        audit.record(
            user, f"bulk_{judged.action}", row, detail=f"{len(judged.will)} VMs{f', by “{query}”' if query else ''}"
        )
    return row


def cancel(user: Any, row: BulkOrder) -> None:
    """What has not begun does not begin. Forbidden, or Refused where nothing waits any more."""
    if row.user_id != getattr(user, "owner", user).pk and not can(user, Verb.ADMINISTER, SYSTEM):
        audit.record(user, "cancel_bulk", row, detail="Not permitted.", refused=True)
        raise Forbidden("Only who ordered it, or an administrator, may cancel it.")
    with transaction.atomic():
        held = BulkOrder.objects.select_for_update().get(pk=row.pk)
        if not held.is_open:
            raise Refused("It has ended: nothing waits any more.")
        now = timezone.now()
        held.items.filter(state=BulkItem.State.WAITING).update(state=BulkItem.State.CANCELLED, at=now)
        BulkOrder.objects.filter(pk=row.pk).update(
            state=BulkOrder.State.CANCELLED, cancelled_by=user.get_username(), ended_at=now
        )
        audit.record(user, "cancel_bulk", row)


def progress(row: BulkOrder) -> Progress:
    """How far it has come. One query."""
    counts = dict(row.items.order_by().values_list("state").annotate(Count("pk")))
    state = BulkItem.State
    return Progress(
        total=sum(counts.values()),
        waiting=counts.get(state.WAITING, 0),
        ordered=counts.get(state.ORDERED, 0),
        refused=counts.get(state.REFUSED, 0),
        cancelled=counts.get(state.CANCELLED, 0),
    )


def seen_by(user: Any) -> QuerySet[BulkOrder]:
    """Those that ``user`` ordered; all of them for who may look into what others did. For the jobs drawer too."""
    rows = BulkOrder.objects.all()
    return rows if can(user, Verb.AUDIT, SYSTEM) else rows.filter(user=getattr(user, "owner", user).pk)


def carry_out() -> int:
    """One batch of one open order that no other worker holds; how many VMs it was, 0: nothing waits."""
    with transaction.atomic():
        opened = BulkOrder.objects.filter(state__in=(BulkOrder.State.WAITING, BulkOrder.State.RUNNING))
        row = opened.select_for_update(of=("self",), skip_locked=True).order_by("id").first()
        if row is None:
            return 0
        if row.state == BulkOrder.State.WAITING:
            BulkOrder.objects.filter(pk=row.pk).update(state=BulkOrder.State.RUNNING, started_at=timezone.now())
        items = list(row.items.filter(state=BulkItem.State.WAITING).select_related("vm__host__cluster")[:BATCH])
        begin(row, items)
        if not row.items.filter(state=BulkItem.State.WAITING).exists():
            BulkOrder.objects.filter(pk=row.pk).update(state=BulkOrder.State.DONE, ended_at=timezone.now())
            log.info("%s: every VM has had its turn.", row, extra={"action": "bulk_done", "bulk": row.pk})
    return len(items) or 1


def carry_out_all() -> None:
    """Every open order, to its end."""
    while carry_out():
        pass


async def keep() -> None:
    """The round of ``manage.py work``; until cancelled."""
    while True:
        try:
            await blocking(carry_out_all)
        except DatabaseError as exc:
            log.warning("Bulk orders could not be looked at: %s", exc, extra={"action": "bulk_unseen"})
        await asyncio.sleep(EVERY_S)
