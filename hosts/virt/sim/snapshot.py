"""Where each simulated guest is and in which state, so that a restart of the simulator does not shuffle the demo."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

from hosts.virt.records import DomainEvent, DomainState, DomainStatus, EventKind
from hosts.virt.sim.guest import ACTIVE
from hosts.virt.sim.world import World

log = logging.getLogger(__name__)

_FORMAT = 1
_BETWEEN_S = 5.0


def save(world: World, path: Path) -> None:
    """Write the snapshot, whole or not at all. A guest on the move is where its QEMU works."""
    places = {}
    for uuid, guest in world.guests.items():
        copy = world.hosts[guest.home].copies.get(uuid) if guest.home in world.hosts else None
        if copy is not None:
            places[uuid] = [guest.home, copy.status.state, copy.status.reason]
    text = json.dumps({"format": _FORMAT, "seed": world.seed, "guests": places})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text)
    os.replace(draft, path)


def load(world: World, path: Path) -> int:
    """Put the guests of a fresh world where the snapshot says; how many were put. Ignores one of another seed."""
    try:
        raw = json.loads(path.read_text())
        if raw["format"] != _FORMAT or raw["seed"] != world.seed:
            return 0
        places = [
            (str(uuid), str(at), DomainState(state), str(why)) for uuid, (at, state, why) in raw["guests"].items()
        ]
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        log.warning("The snapshot %s cannot be read: %s", path, exc, extra={"action": "sim_snapshot_refused"})
        return 0
    known = [place for place in places if place[0] in world.guests and place[1] in world.hosts]
    for uuid, host, state, reason in known:
        _put(world, uuid, host, state=state, reason=reason)
    return len(known)


def _put(world: World, uuid: str, host: str, *, state: DomainState, reason: str) -> None:
    guest = world.guests[uuid]
    copy = world.hosts[guest.home].copies.pop(uuid)
    copy.persistent = True
    if state is DomainState.PAUSED and reason != "user":
        state, reason = DomainState.RUNNING, "unpaused"  # it stood still for a migration that is no more
    copy.status = DomainStatus(state=state, reason=reason)
    world.hosts[host].copies[uuid] = copy
    world.end_process(guest)
    guest.home = host
    if state in ACTIVE:
        world.begin_process(guest, host, level=1.0 if state is DomainState.RUNNING else 0.0)


def keep(world: World, path: Path) -> Callable[[], None]:
    """Save within 5 s of whatever happens, never more often; returns what ends it."""
    planned = False

    def write() -> None:
        nonlocal planned
        planned = False
        try:
            save(world, path)
        except OSError as exc:
            log.warning("The snapshot cannot be written: %s", exc, extra={"action": "sim_snapshot_failed"})

    def hear(_host: str, event: DomainEvent) -> None:
        nonlocal planned
        if event.kind is EventKind.LIFECYCLE and not planned:
            planned = True
            world.after(_BETWEEN_S, write)

    return world.watch(hear)
