"""Scenarios that a person can read: a folder with ``script.txt`` and ``expected.log``; the diff is the failure message.

A script, line by line (``#`` starts a comment)::

    host h1 [line 400] [qemu 10.0.2] [keepalive 4]      line in Mbit/s
    guest web1 on h1 [memory 512] [touched 180] [hot 100 at 20] [sequential] [unlocked]       MiB and MiB/s
    at 2s VERB …                     a function below, or a fault of hosts/virt/sim/orders.py
    until 30s

What every host says, how calls end, and where the guests are at the end makes the log, to a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hosts.virt.clock import ManualClock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainEvent, EventKind, MigrateSpec, PowerVerb
from hosts.virt.sim import service
from hosts.virt.sim.host import LINE_EFFICIENCY
from hosts.virt.sim.local import use_world
from hosts.virt.sim.orders import ORDERS, obey
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, add_guest, add_host

_DEADLINE_S = 2.0


class Scenario:
    """One script, played on a clock of its own."""

    def __init__(self, script: str, *, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.world = World(clock=self.clock, seed=1)
        self.log: list[str] = []
        self.world.watch(self._hear)
        self._orders: list[tuple[float, list[str]]] = []
        self._until = 60.0
        for number, line in enumerate(script.splitlines(), start=1):
            words = line.partition("#")[0].split()
            if words:
                self._read(words, f"line {number}: {line}")

    def _read(self, words: list[str], where: str) -> None:
        if words[0] == "host":
            self._add_host(words[1], _options(words[2:]))
        elif words[0] == "guest":
            self._add_guest(words[1], words[3], _options(words[4:]))
        elif words[0] == "at":
            self._orders.append((_seconds(words[1]), words[2:]))
        elif words[0] == "until":
            self._until = _seconds(words[1])
        else:
            raise ValueError(where)

    def _add_host(self, name: str, options: dict[str, str]) -> None:
        changes: dict[str, object] = {}
        if "line" in options:
            changes |= {"line_bytes_per_s": float(options["line"]) * 1e6 / 8 * LINE_EFFICIENCY, "shaped": True}
        if "qemu" in options:
            changes["qemu_version"] = options["qemu"]
        if "keepalive" in options:
            changes["keepalive_s"] = float(options["keepalive"])
        add_host(self.world, name, **changes)

    def _add_guest(self, name: str, host: str, options: dict[str, str]) -> None:
        add_guest(
            self.world,
            name,
            host,
            memory_mib=float(options.get("memory", 512)),
            touched_mib=float(options.get("touched", 180)),
            hot_mib=float(options.get("hot", 0)),
            rate_mib_s=float(options.get("at", 0)),
            sequential="sequential" in options,
            image_locked="unlocked" not in options,
        )

    def play(self) -> str:
        """Run it; the log."""
        with use_world(self.world):
            for moment, order in sorted(self._orders, key=lambda each: each[0]):
                self._pass_time_until(moment)
                self._obey(order)
            self._pass_time_until(self._until)
        self._write_end()
        return "\n".join(self.log) + "\n"

    def _pass_time_until(self, moment: float) -> None:
        self.clock.advance(max(0.0, moment - self.clock.monotonic()))
        with self.world.present():
            pass

    def _obey(self, order: list[str]) -> None:
        verb, *args = order
        self._say(f"> {' '.join(order)}")
        try:
            if verb in ORDERS:
                self._break(order)
            else:
                VERBS[verb](self, *args)
        except VirtError as error:
            self._say(f"  {verb} refused: {_words(error)}")

    # the log
    def _say(self, text: str) -> None:
        self.log.append(f"{self.world.t:6.1f}  {text}")

    def _hear(self, host: str, event: DomainEvent) -> None:
        what = event.detail
        if event.kind is EventKind.ITERATION:
            what = f"iteration {event.number}"
        elif event.kind is EventKind.JOB_COMPLETED and event.job is not None:
            what = f"job completed: {event.job.normal_bytes // MIB} MiB sent, downtime {event.job.downtime_ms} ms"
        elif event.kind is EventKind.CONNECTION_LOST:
            what = "connection lost"
        self._say(" ".join(part for part in (host, event.name, what) if part))

    def _write_end(self) -> None:
        for guest in self.world.guests.values():
            copies = self.world.copies_of(guest.uuid)
            said = [f"{host} {copy.status.state}/{copy.status.reason}" for host, copy in sorted(copies.items())]
            self.log.append(f"   end  {guest.name}: {', '.join(said) or 'nowhere'}")

    # the verbs
    def driver(self, host: str) -> Driver:
        return connect(f"sim://{host}", deadline_s=_DEADLINE_S)

    def uuid(self, guest: str) -> str:
        return self.world.guest_named(guest).uuid

    def source(self, guest: str) -> Driver:
        """The host that answers for the guest: a migration's source, while it runs."""
        uuid = self.uuid(guest)
        job = self.world.migrations.get(uuid)
        return self.driver(job.source.name if job else self.world.guests[uuid].home)

    def migrate(self, guest: str, source: str, destination: str, *rest: str) -> None:
        options = _options(rest)
        spec = MigrateSpec(
            uuid=self.uuid(guest),
            destination_uri=f"sim://{destination}",
            bandwidth_bytes_per_s=int(options["cap"]) * MIB if "cap" in options else None,
            max_downtime_ms=int(options["downtime"]) if "downtime" in options else None,
            postcopy="postcopy" in options,
            auto_converge="auto-converge" in options,
        )
        with self.world.present():
            epoch = service.open_connection(self.world, source)
            ticket = service.call(self.world, source, epoch, "migrate", {"spec": spec})
        assert isinstance(ticket, Ticket)
        ticket.when_done(lambda done: self._say(f"migrate {guest} {_words(done.error) if done.error else 'returned'}"))

    def abort(self, guest: str) -> None:
        self.source(guest).abort_job(self.uuid(guest))

    def cap(self, guest: str, mib_s: str) -> None:
        self.source(guest).set_bandwidth(self.uuid(guest), None if mib_s == "none" else int(mib_s) * MIB)

    def downtime(self, guest: str, milliseconds: str) -> None:
        self.source(guest).set_max_downtime(self.uuid(guest), int(milliseconds))

    def postcopy(self, guest: str) -> None:
        self.source(guest).start_postcopy(self.uuid(guest))

    def power(self, guest: str, verb: str, host: str = "") -> None:
        there = self.driver(host) if host else self.source(guest)
        there.power(self.uuid(guest), PowerVerb(verb))

    def show(self, guest: str) -> None:
        job = self.source(guest).job_stats(self.uuid(guest))
        self._say(
            f"  {guest}: {job.type}, pass {job.iteration}, {job.remaining_bytes // MIB} MiB left, "
            f"{job.processed_bytes // MIB} MiB sent, {job.throughput_bytes_per_s / MIB:.0f} MiB/s, "
            f"dirty {job.dirty_rate_bytes_per_s / MIB:.0f} MiB/s, throttle {job.throttle_percent} %"
        )

    def _break(self, order: list[str]) -> None:
        with self.world.present():
            obey(self.world, " ".join(order))


VERBS: dict[str, Callable[..., None]] = {
    "migrate": Scenario.migrate,
    "abort": Scenario.abort,
    "cap": Scenario.cap,
    "downtime": Scenario.downtime,
    "postcopy": Scenario.postcopy,
    "power": Scenario.power,
    "show": Scenario.show,
}


def _options(words: list[str] | tuple[str, ...]) -> dict[str, str]:
    """``cap 60 postcopy`` -> {"cap": "60", "postcopy": ""}: a word and its number, or a word alone."""
    options: dict[str, str] = {}
    last = ""
    for word in words:
        if last and (word[0].isdigit() or word == "none"):
            options[last] = word
        else:
            options[word] = ""
            last = word
    return options


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def _words(error: VirtError) -> str:
    code = f" {error.code}" if error.code is not None else ""
    return f"{type(error).__name__}{code}: {error}"


def play(folder: Path) -> str:
    """The log of a scenario's script."""
    return Scenario((folder / "script.txt").read_text()).play()
