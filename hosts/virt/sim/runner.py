"""The simulator as a process: the demo's world on the wall's clock, served until told to stop."""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hosts.virt.clock import WALL
from hosts.virt.sim import snapshot
from hosts.virt.sim.demo import demo_world
from hosts.virt.sim.life import Life
from hosts.virt.sim.place import snapshot_path, socket_path
from hosts.virt.sim.server import Server
from hosts.virt.sim.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the process is asked for. ``pace_s``: a deed of life every so many seconds; 0 is a still world."""

    seed: int = 1
    pace_s: float = 4.0
    fresh: bool = False
    socket: Path = field(default_factory=socket_path)
    snapshot: Path = field(default_factory=snapshot_path)


def build(options: Options) -> World:
    """The world, as the last run left it."""
    world = demo_world(WALL, seed=options.seed)
    with world.present():
        if not options.fresh:
            snapshot.load(world, options.snapshot)
        if options.pace_s > 0.0:
            Life(world, pace_s=options.pace_s).begin()
    return world


async def serve(options: Options, *, ready: Callable[[World], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. OSError where another simulator holds the socket."""
    world = build(options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    forget = snapshot.keep(world, options.snapshot)
    try:
        await Server(world, options.socket).run(stop, ready=(lambda: ready(world)) if ready else None)
    finally:
        forget()
    with world.present():
        snapshot.save(world, options.snapshot)
