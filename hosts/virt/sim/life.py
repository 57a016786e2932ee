"""The demo's life: now and then somebody starts, stops, reboots or loads a VM, or moves one with another tool."""

import logging
from collections.abc import Callable

from hosts.virt.errors import VirtError
from hosts.virt.records import DomainState, MigrateSpec, PowerVerb
from hosts.virt.sim.admission import refusals, start_migration
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.power import change_power
from hosts.virt.sim.world import World

log = logging.getLogger(__name__)

#: life leaves the rest of the lines to the operator
_MOST_MIGRATIONS = 2
_SHORTEST_S, _LONGEST_S = 18.0, 45.0
_FEWEST_BYTES = 512 << 20


class Life:
    """Something happens every ``pace_s`` seconds on average over the whole datacenter."""

    def __init__(self, world: World, *, pace_s: float = 4.0) -> None:
        self._world, self._pace_s = world, pace_s
        self._rng = world.chance("life")
        self._own: set[str] = set()  # guests that life itself has put out: only those it starts again
        self._deeds: tuple[tuple[Callable[[], None], int], ...] = (
            (self._load, 40),
            (self._migrate, 30),
            (self._start, 12),
            (self._stop, 10),
            (self._reboot, 8),
        )

    def begin(self) -> None:
        """Plan the first deed. Wants to be called inside the world's present."""
        self._world.after(self._rng.expovariate(1.0 / self._pace_s), self._beat)

    def _beat(self) -> None:
        deeds, weights = zip(*self._deeds, strict=True)
        deed = self._migrate if not self._world.migrations else self._rng.choices(deeds, weights)[0]
        try:
            deed()
        except VirtError as error:  # a fault somebody ordered: life goes on
            log.info("The simulated operator was refused: %s", error, extra={"action": "sim_life_refused"})
        finally:
            self.begin()

    def _running(self) -> tuple[SimHost, SimGuest] | None:
        """A guest in rest, anywhere."""
        world = self._world
        for _ in range(20):
            guest = world.guests[self._rng.choice(list(world.guests))]
            host = world.hosts[guest.home]
            copy = host.copies.get(guest.uuid)
            if (
                copy
                and copy.status.state is DomainState.RUNNING
                and host.answers
                and guest.uuid not in world.migrations
            ):
                return host, guest
        return None

    def _load(self) -> None:
        """A wave of load over one guest, for half a minute to three."""
        found = self._running()
        if found is None:
            return
        _, guest = found
        if guest.meter.level != 1.0:
            return
        level = min(guest.highest_level(), self._rng.uniform(1.5, 4.0))
        guest.meter.set_level(self._world.t, level)
        self._world.after(self._rng.uniform(30.0, 180.0), lambda: self._calm(guest, level))

    def _calm(self, guest: SimGuest, level: float) -> None:
        if guest.meter.level == level:
            guest.meter.set_level(self._world.t, 1.0)

    def _stop(self) -> None:
        found = self._running()
        if found is not None and len(self._own) < 12:
            self._own.add(found[1].uuid)
            change_power(self._world, found[0], found[1].uuid, PowerVerb.SHUTDOWN)

    def _start(self) -> None:
        for uuid in sorted(self._own):
            host = self._world.hosts[self._world.guests[uuid].home]
            copy = host.copies.get(uuid)
            if copy is not None and copy.status.state is DomainState.SHUTOFF:
                self._own.discard(uuid)
                change_power(self._world, host, uuid, PowerVerb.START)
                return

    def _reboot(self) -> None:
        found = self._running()
        if found is not None:
            change_power(self._world, found[0], found[1].uuid, PowerVerb.REBOOT)

    def _migrate(self) -> None:
        """A move by another tool, with a cap that makes it last about half a minute."""
        found = self._running()
        if found is None or len(self._world.migrations) >= _MOST_MIGRATIONS:
            return
        source, guest = found
        destination = self._destination(source, guest)
        if destination is None or guest.touched_bytes < _FEWEST_BYTES:
            return
        written = sum(each.bytes_per_s for each in guest.classes) * guest.meter.level
        cap = max(guest.touched_bytes / self._rng.uniform(_SHORTEST_S, _LONGEST_S), 2.0 * written)
        spec = MigrateSpec(
            uuid=guest.uuid,
            destination_uri=f"sim://{destination.name}",
            bandwidth_bytes_per_s=int(min(cap, source.line_bytes_per_s)),
        )
        start_migration(self._world, source, destination.name, spec)

    def _destination(self, source: SimHost, guest: SimGuest) -> SimHost | None:
        """The emptiest of three hosts of the same cluster that take the guest."""
        facts = source.copies[guest.uuid].facts()
        prefix = source.name.rsplit("-", 1)[0]
        peers = [each for each in self._world.hosts.values() if each.name.startswith(prefix + "-") and each.answers]
        peers = [each for each in peers if each is not source and not refusals(each, facts)]
        chosen = self._rng.sample(peers, min(3, len(peers)))
        return min(chosen, key=lambda host: host.memory_promised_bytes() / host.memory_bytes, default=None)
