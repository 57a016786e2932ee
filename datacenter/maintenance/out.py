"""One VM's way off its host: asked for, followed, tried elsewhere, its fallback, or red until somebody decides.

A red move waits (state WAITING, light RED) and holds up nobody; it is tried again every five minutes, and at once when
a person has chosen something else for it.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from datacenter.maintenance import doors, ending
from datacenter.maintenance.reins import Reins, move_s
from datacenter.models.plan import PlanHost, PlanMove
from hosts import feed
from hosts.advance import advance
from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.models import Host, Migration, MigrationPolicy, Operation, Priority
from hosts.states import MigrationState, OperationState, PlanMoveState, VMState
from hosts.virt.records import PowerVerb

log = logging.getLogger(__name__)

#: so many hosts' worth of tries before the fallback; each try of the queue's own goes to further hosts
MOST_TRIES = 2
#: a red move is tried again after so long, in seconds
RED_AGAIN_S = 300.0

_VERBS = {PlanMove.Action.SHUTDOWN: PowerVerb.SHUTDOWN, PlanMove.Action.SUSPEND: PowerVerb.SUSPEND}


def follow(it: Reins, row: PlanHost, move: PlanMove, hosts: Sequence[Host], *, moving: Migration | None) -> None:
    """One look at one VM of a host that is being emptied. ``hosts``: that take it now, best first; ``moving``: the
    migration that is on its way, whoever asked for it.
    """
    vm = move.vm
    if move.state == PlanMoveState.CANCELLED or (move.state == PlanMoveState.LEFT and vm.host_id == row.host_id):
        return
    if moving is not None:
        _is_moving(it, move, moving)
    elif vm.host_id != row.host_id or vm.state not in doors.ACTIVE:
        with it.act():
            is_off(it, row, move)
    elif move.state == PlanMoveState.RUNNING:
        _look(it, move)
    elif vm.state != VMState.UNKNOWN and is_due(it, move):
        with it.act():
            move.refresh_from_db()  # under the lock: a person may have chosen something else this moment
            if move.state in (PlanMoveState.WAITING, PlanMoveState.FAILED):
                _begin(it, move, hosts)


def is_off(it: Reins, row: PlanHost, move: PlanMove) -> None:
    """The VM does not run on the host any more."""
    vm = move.vm
    last = ending.latest(move.migration) if move.migration else None
    if last is not None and last.state == MigrationState.LOST:
        advance(move, PlanMoveState.FAILED, because=last.because, ended_at=it.clock.now(), light=PlanMove.Light.RED)
        return
    if vm.host_id == row.host_id:
        because = f"It is {VMState.of(vm.state).label.lower()}."
    elif last is not None and last.state == MigrationState.DONE and last.destination_id == vm.host_id:
        because = f"It runs on {vm.host}."
    else:
        because = f"Somebody else moved it to {vm.host}."
    target = {} if vm.host_id == row.host_id else {"target": vm.host}
    if move.state != PlanMoveState.DONE:
        also: dict[str, Any] = {"migration": last, "ended_at": it.clock.now(), **target}
        advance(move, PlanMoveState.DONE, because=because, **also)


def again(move: PlanMove, *, because: str) -> None:
    """Its way begins anew."""
    blank: dict[str, Any] = {"migration": None, "operation": None, "started_at": None, "ended_at": None, "attempts": 0}
    advance(move, PlanMoveState.WAITING, because=because, **blank)


def _is_moving(it: Reins, move: PlanMove, moving: Migration) -> None:
    """On its way, by us or by somebody else. What waits in the queue too long for the window is called back."""
    if move.state == PlanMoveState.WAITING:
        tell(move, f"It is being moved to {moving.destination or 'another host'} by {moving.requested_by} already.")
    elif move.state == PlanMoveState.RUNNING and moving.state == MigrationState.QUEUED and not it.fits(move_s(move)):
        with it.act():
            if ending.call_back(move, actor=it.actor, running=False):
                again(move, because="Called back from the queue: it would end after the window.")


def is_due(it: Reins, move: PlanMove) -> bool:
    """A red one that nobody decided about waits: for its fallback, for the planner, for another try."""
    if move.action == PlanMove.Action.ASK:
        return move.light != PlanMove.Light.RED
    if move.light != PlanMove.Light.RED or move.chosen_by:
        return True
    if not move.attempts:  # the planner said so: only its fallback is left
        return bool(_fallback(it, move))
    return it.since(move.state_since) >= RED_AGAIN_S


def _fallback(it: Reins, move: PlanMove) -> str:
    if move.action == PlanMove.Action.MIGRATE and not move.fallback and it.terms.stop_unmovable:
        return PlanMove.Action.SHUTDOWN
    return "" if move.fallback == move.action else move.fallback


# beginning
def _begin(it: Reins, move: PlanMove, hosts: Sequence[Host]) -> None:
    if move.action == PlanMove.Action.LEAVE:
        advance(move, PlanMoveState.LEFT, because="It is left as it is.", ended_at=it.clock.now())
    elif move.action == PlanMove.Action.MIGRATE:
        _migrate(it, move, hosts)
    elif verb := _VERBS.get(PlanMove.Action(move.action)):
        _power(it, move, verb)
    else:
        _red(it, move, "Its rule for maintenance asks a person.", "Choose what becomes of it.")


def _migrate(it: Reins, move: PlanMove, hosts: Sequence[Host]) -> None:
    if move.light == PlanMove.Light.RED and not move.attempts and not move.chosen_by:
        _failed(it, move, move.why or "No host can take it.")
        return
    if not it.fits(move_s(move)):
        tell(move, "It would end after the window, so it does not begin.")
        return
    tried = _tried(it, move)
    wanted = [move.target] if move.target and move.target_id not in tried else []
    ways = [*wanted, *(host for host in hosts if host not in wanted and host.pk not in tried)]
    if move.target_chosen and wanted:
        ways = wanted  # a person picked it: no other one silently
    policy = MigrationPolicy.objects.filter(name=it.terms.migration_policy).first()
    said = "No other host can take it now."
    for place, host in enumerate(ways):
        try:
            migration = request_migration(
                move.vm, host, actor=it.actor, priority=Priority.DRAIN, alternatives=ways[place + 1 :], policy=policy
            )
        except RequestRefused as exc:
            said = str(exc)
            continue
        _under_way(it, move, because=f"Asked for, to {host}.", migration=migration, target=host)
        return
    _failed(it, move, said)


def _tried(it: Reins, move: PlanMove) -> set[int | None]:
    """Hosts that it failed to reach a moment ago."""
    since = it.clock.now() - timedelta(seconds=RED_AGAIN_S)
    failed = Migration.objects.filter(vm=move.vm, state=MigrationState.FAILED, ended_at__gte=since)
    return set(failed.values_list("destination_id", flat=True))


def _power(it: Reins, move: PlanMove, verb: PowerVerb) -> None:
    busy = Operation.objects.filter(vm=move.vm, state__in=(OperationState.QUEUED, OperationState.RUNNING))
    if other := busy.exclude(verb=Operation.MEASURE).first():
        tell(move, f"Another action is under way: {other.get_verb_display()}.")
        return
    try:
        operation = request_power(move.vm, verb, actor=it.actor)
    except PowerRefused as exc:
        _failed(it, move, str(exc))
        return
    _under_way(it, move, because=f"{move.get_action_display().split(',')[0]}: asked for.", operation=operation)


def _under_way(it: Reins, move: PlanMove, *, because: str, **also: Any) -> None:
    started = move.started_at or it.clock.now()
    if move.light == PlanMove.Light.RED:
        also["light"] = PlanMove.Light.YELLOW
    if not advance(move, PlanMoveState.RUNNING, because=because, started_at=started, **also):
        raise RuntimeError(f"{move} changed under the plan's lock")  # undoes the request with the transaction


# looking
def _look(it: Reins, move: PlanMove) -> None:
    """Nothing of it is under way in the queue, and the VM runs here still."""
    if move.migration is not None:
        last = ending.latest(move.migration)
        if last.state == MigrationState.DONE:
            return  # the inventory follows within a moment
        with it.act():
            _failed(it, move, last.because or "Its migration ended without a word.")
    elif move.operation is not None:
        _look_at_power(it, move, move.operation)
    else:
        with it.act():
            again(move, because="Nothing of it is under way.")


def _look_at_power(it: Reins, move: PlanMove, operation: Operation) -> None:
    if operation.state == OperationState.FAILED:
        with it.act():
            _failed(it, move, operation.because)
    elif operation.state == OperationState.DONE and it.since(operation.state_since) > it.terms.shutdown_limit_s:
        with it.act():
            limit = f"{it.terms.shutdown_limit_s:g} s"
            remedy = "Shut it down from within, power it off by hand, or leave it."
            move.fallback = ""
            _red(it, move, f"It did not shut down within {limit}. It is never powered off unasked.", remedy)


# failing
def _failed(it: Reins, move: PlanMove, why: str) -> None:
    """A try ended without success: another target, then its fallback, then it is red. It never holds up others."""
    move.attempts += 1
    fallback = _fallback(it, move)
    if move.action == PlanMove.Action.MIGRATE and move.migration_id and move.attempts < MOST_TRIES:
        _wait(it, move, f"Tried again on another host. {why}", target=None, target_chosen=False, migration=None)
    elif fallback:
        label, light = PlanMove.Action(fallback).label, PlanMove.Light.YELLOW
        also: dict[str, Any] = {"action": fallback, "fallback": "", "light": light, "chosen_by": it.actor}
        _wait(it, move, f"{label}, since: {why}", migration=None, operation=None, **also)
    else:
        _red(it, move, why, "Move it by hand, shut it down, or leave it; else it is tried again in five minutes.")


def _red(it: Reins, move: PlanMove, why: str, remedy: str) -> None:
    log.warning("%s blocks its host: %s", move.vm, why, extra={"action": "plan_move_red", "row": move.pk})
    also: dict[str, Any] = {"light": PlanMove.Light.RED, "why": why[:500], "remedy": remedy, "chosen_by": ""}
    also["fallback"] = move.fallback
    move.attempts = max(1, move.attempts)
    _wait(it, move, why, target=None, target_chosen=False, migration=None, operation=None, **also)


def _wait(it: Reins, move: PlanMove, because: str, **also: Any) -> None:
    also["attempts"] = move.attempts
    if move.state == PlanMoveState.WAITING:
        also |= {"because": because[:500], "state_since": it.clock.now()}
        PlanMove.objects.filter(pk=move.pk, state=move.state).update(**also)
        for name, value in also.items():
            setattr(move, name, value)
        feed.changed(move.noun, move.pk)
    else:
        advance(move, PlanMoveState.WAITING, because=because, **also)


def tell(move: PlanMove, because: str) -> None:
    """Say why it waits, where that changed."""
    if move.because != because[:500]:
        PlanMove.objects.filter(pk=move.pk).update(because=because[:500])
        move.because = because[:500]
        feed.changed(move.noun, move.pk)
