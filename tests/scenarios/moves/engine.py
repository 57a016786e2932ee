"""Scenarios of whole migrations: Godwit's supervisor and guardian on simulated hosts, on a clock of their own.

The words ``host``, ``guest``, ``until`` and orders that break things are those of tests/scenarios/engine.py; beside::

    no guardian
    host h1 modern no-tls no-locks · guest web1 on h1 … modern                                 machine type pc-q35-10.0
    at 2s migrate web1 h2 [cap 60] [downtime 300] [or h3] [policy NAME …] [no-postcopy]
        [auto-converge] [no-auto-converge] [paused] [xbzrle] [tls] [copy-disks]
    guest web1 on h1 … [still] [off] [transient] [disk 2048]                   paused by a person, down; MiB of disks
    at 5s cancel web1 · cap web1 60 · downtime web1 900 · postcopy web1          what a person orders on the page
    at 5s abort web1                                                           another tool's hand
    at 5s worker-dies web1 · worker-freezes web1 · worker-thaws web1           another one takes over 10 s later
    when h2 resumed/migrated restart-daemon h2                                 as soon as a host says so

The log has what hosts say, each change of a row with its reason, what was turned; at the end row, inventory, copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hosts.claim import claim
from hosts.livemigration.admission import admit_now
from hosts.livemigration.guardian.process import Guardian
from hosts.livemigration.request import RequestRefused, adjust, request_migration
from hosts.livemigration.supervisor import Supervisor, load
from hosts.livemigration.terms import ship
from hosts.models import VM, Adjustment, Doubt, Host, Migration, Transition
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.telemetry.whereabouts import vm_state
from hosts.virt.clock import ManualClock
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainEvent, PowerVerb
from hosts.virt.sim.local import use_world
from hosts.virt.sim.orders import ORDERS, obey
from hosts.virt.sim.power import change_power
from tests.factory import make_host, make_vm
from tests.scenarios.engine import Scenario, _options
from tests.scenarios.moves.prompt import CALLS, prompt, prompt_pool
from tests.virt.sim.worlds import MIB

TICK_S = 0.1
#: a dead worker's migration is somebody else's after so long
TAKEN_OVER_S = 10.0
ANN = "ann"
MODERN = "pc-q35-10.0"


class Driven:
    """One supervisor, when it is due, and whether its worker stands still."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.due, self.frozen = supervisor, 0.0, False

    def wake(self) -> None:
        self.due = 0.0


class MigrationScenario(Scenario):
    """One script, with Godwit."""

    def __init__(self, script: str) -> None:
        self._locks: dict[str, str] = {}
        self._guarded, self._triggers = True, list[tuple[str, str, list[str]]]()
        # from now on: rows' own defaults are the wall's moments
        super().__init__(script, clock=ManualClock(start=datetime.now(tz=UTC).replace(microsecond=0)))
        self.pool = prompt_pool(self.world, self.clock)
        self._driven: dict[int, list[Driven]] = {}
        self._free_at: dict[int, float] = {}
        self._told = 0
        self._because: dict[int, str] = {}
        self._over_at = 0.0
        self._ticks = 0
        self._turned: dict[int, str] = {}

    def _read(self, words: list[str], where: str) -> None:
        if words[:2] == ["no", "guardian"]:
            self._guarded = False
        elif words[0] == "when":
            self._triggers.append((words[1], words[2], words[3:]))
        else:
            super()._read(words, where)

    def _add_host(self, name: str, options: dict[str, str]) -> None:
        super()._add_host(name, options)
        if "modern" in options:
            self.world.hosts[name].machine_types |= {MODERN}
        self._locks[name] = "none" if "no-locks" in options else ""
        self.world.hosts[name].migration_tls = "no-tls" not in options

    def _add_guest(self, name: str, host: str, options: dict[str, str]) -> None:
        super()._add_guest(name, host, options)
        if "modern" in options:
            self.world.guest_named(name).machine = MODERN
        guest = self.world.guest_named(name)
        guest.disk_bytes = int(options.get("disk", 1024)) * MIB
        copy = self.world.hosts[host].copies[guest.uuid]
        copy.persistent = "transient" not in options
        for option, verb in (("still", PowerVerb.PAUSE), ("off", PowerVerb.POWER_OFF)):
            if option in options:
                change_power(self.world, self.world.hosts[host], guest.uuid, verb)

    def play(self) -> str:
        """Run it; the log."""
        with self.playing():
            while self.clock.monotonic() < self._until and not (self._ticks % 5 == 0 and self._all_over()):
                self.tick()
        self._write_end()
        self._write_rows()
        return "\n".join(self.log) + "\n"

    @contextmanager
    def playing(self) -> Iterator[MigrationScenario]:
        """Godwit on this world, moved by ``tick`` only."""
        with use_world(self.world), prompt(self.clock):
            self._furnish()
            self._guardian = Guardian(pool=self.pool, clock=self.clock) if self._guarded else None
            self._orders_left = sorted(self._orders, key=lambda each: each[0])
            try:
                yield self
            finally:
                for each in [each for group in self._driven.values() for each in group]:
                    each.supervisor.eyes.close()
                if self._guardian is not None:
                    self._guardian.close()

    def _furnish(self) -> None:
        for name, host in self.world.hosts.items():
            make_host(
                name, uuid=host.uuid, machine_types=sorted(host.machine_types), qemu_version=host.qemu_version,
                locks=self._locks[name],
            )  # fmt: skip
        for guest in self.world.guests.values():
            home = Host.objects.get(name=guest.home)
            copy = self.world.hosts[guest.home].copies[guest.uuid]
            state = str(vm_state(copy.status))
            make_vm(
                guest.name, host=home, uuid=guest.uuid, memory_bytes=guest.memory_bytes, state=state,
                persistent=copy.persistent, disks=[asdict(disk) for disk in guest.disks],
            )  # fmt: skip

    def _all_over(self) -> bool:
        """Nothing is left to do or to tell."""
        if self._orders_left or self._driven_now() or Migration.objects.filter(state__in=OPEN_MIGRATION).exists():
            self._over_at = self.clock.monotonic() + 1.0
        return self.clock.monotonic() >= self._over_at and not Doubt.objects.filter(resolved_at=None).exists()

    def _driven_now(self) -> bool:
        return any(self._driven.values())

    # time
    def tick(self) -> None:
        """A tenth of a second passes."""
        self._present()
        while self._orders_left and self._orders_left[0][0] <= self.clock.monotonic() + 1e-6:
            self._obey(self._orders_left.pop(0)[1])
            self._ticks = 0
        self._present()
        if self._ticks % 5 == 0:
            self._queue()
        self._ticks += 1
        for pk in list(self._driven):
            self._step(pk)
        self._guard()
        self._tell_rows()
        self.clock.advance(TICK_S)

    def _present(self) -> None:
        with self.world.present():
            pass
        CALLS.look()

    def _queue(self) -> None:
        admit_now()
        rows = Migration.objects.filter(state__in=OPEN_MIGRATION).exclude(state=MigrationState.QUEUED)
        for pk in rows.order_by("pk").values_list("pk", flat=True):
            if pk in self._driven and any(not each.frozen for each in self._driven[pk]):
                continue
            if self.clock.monotonic() >= self._free_at.get(pk, 0.0):
                self._adopt(pk)

    def _adopt(self, pk: int) -> None:
        if pk in self._free_at:
            Migration.objects.filter(pk=pk).update(lease_until=None)
            self._say("  godwit: another worker takes over")
        lease = claim(Migration, pk, holder=f"worker {len(self._driven.get(pk, [])) + 1}", ttl_s=3600.0)
        if lease is None:
            return
        driven: Driven
        supervisor = Supervisor(load(pk), lease, pool=self.pool, clock=self.clock, wake=lambda: driven.wake())
        driven = Driven(supervisor)
        self._driven.setdefault(pk, []).append(driven)

    def _step(self, pk: int) -> None:
        for driven in list(self._driven[pk]):
            if driven.frozen or self.clock.monotonic() + 1e-6 < driven.due:
                continue
            delay = driven.supervisor.step()
            self._present()
            if delay is None:
                self._driven[pk].remove(driven)
                driven.supervisor.close()
                if not driven.supervisor.state.is_final:
                    self._say("  godwit: the old worker does nothing any more")
            else:
                driven.due = self.clock.monotonic() + delay

    def _guard(self) -> None:
        if self._guardian is None:
            return
        for sight in list(self._guardian.sights._hosts.values()):
            sight._round()
        self._guardian.step()
        self._present()

    # the log
    def _hear(self, host: str, event: DomainEvent) -> None:
        super()._hear(host, event)
        for trigger in list(self._triggers):
            if trigger[:2] == (host, event.detail):
                self._triggers.remove(trigger)
                self.world.after(0.0, lambda order=trigger[2]: self._strike(order))  # type: ignore[misc]

    def _strike(self, order: list[str]) -> None:
        """Inside the world's present, right after the event."""
        if order[0] in ORDERS:
            self._say(f"> {' '.join(order)}")
            obey(self.world, " ".join(order))
        else:
            self._orders_left.insert(0, (0.0, order))

    def _tell_rows(self) -> None:
        changes = Transition.objects.filter(pk__gt=self._told).exclude(field="host").order_by("pk")
        for change in changes:
            self._told = change.pk
            self._say(f"  {_words(change)}")
            if change.noun == "migration" and change.field == "state":
                self._because[change.row] = change.because
        for pk, name, because in Migration.objects.order_by("pk").values_list("pk", "vm__name", "because"):
            if because != self._because.setdefault(pk, because):
                self._because[pk] = because
                self._say(f"  {name} says: {because}")
        for order in Adjustment.objects.order_by("pk"):
            state = "refused: " + order.error if order.error else "done" if order.applied_at else "ordered"
            if self._turned.get(order.pk) != state:
                self._turned[order.pk] = state
                value = "" if order.value is None else f" {order.value}"
                why = f": {order.because}" if order.because and state == "ordered" else ""
                self._say(f"  {order.kind}{value} by {order.actor}: {state}{why}")

    def _write_rows(self) -> None:
        for migration in Migration.objects.select_related("vm", "destination").order_by("pk"):
            pause = "" if migration.pause_ms is None else f", paused {migration.pause_ms:.0f} ms"
            self.log.append(f"   end  row to {migration.destination}: {migration.state}{pause}")
        for vm in VM.objects.select_related("host").order_by("name"):
            self.log.append(f"   end  inventory: {vm} on {vm.host}")
        for doubt in Doubt.objects.order_by("pk"):
            self.log.append(f"   end  doubt: {doubt.because} {'Over.' if doubt.resolved_at else 'OPEN.'}")

    # the verbs
    def _obey(self, order: list[str]) -> None:
        verb, *args = order
        self._say(f"> {' '.join(order)}")
        try:
            if verb in ORDERS:
                self._break(order)
            else:
                getattr(self, "do_" + verb.replace("-", "_"))(*args)
        except (VirtError, RequestRefused) as error:
            self._say(f"  {verb} refused: {error}")

    def row(self, guest: str) -> Migration:
        return Migration.objects.filter(vm__name=guest).latest("pk")

    def do_migrate(self, guest: str, destination: str, *rest: str) -> None:
        name = " ".join(rest[rest.index("policy") + 1 :]) if "policy" in rest else ""
        options = _options(rest[: rest.index("policy")] if name else rest)
        others = [Host.objects.get(name=rest[rest.index("or") + 1])] if "or" in rest else []
        migration = request_migration(
            VM.objects.get(name=guest),
            Host.objects.get(name=destination),
            actor=ANN,
            bandwidth=int(options["cap"]) * MIB if "cap" in options else None,
            max_downtime_ms=int(options["downtime"]) if "downtime" in options else None,
            postcopy_allowed="no-postcopy" not in options,
            auto_converge=True if "auto-converge" in options else False if "no-auto-converge" in options else None,
            policy=ship(name) if name else None,
            alternatives=others,
            xbzrle=True if "xbzrle" in options else None,
            tls=True if "tls" in options else None,
            copy_disks="copy-disks" in options,
        )
        Migration.objects.filter(pk=migration.pk).update(
            requested_at=self.clock.now(), state_since=self.clock.now(), arrives_paused="paused" in options
        )

    def _adjust(self, guest: str, kind: str, value: int | None = None) -> None:
        order = adjust(self.row(guest), kind, value, actor=ANN)
        Adjustment.objects.filter(pk=order.pk).update(at=self.clock.now())
        for driven in self._driven.get(order.migration_id, []):
            driven.supervisor.nudge()

    def do_cancel(self, guest: str) -> None:
        self._adjust(guest, Adjustment.CANCEL)

    def do_cap(self, guest: str, mib_s: str) -> None:
        self._adjust(guest, Adjustment.BANDWIDTH, None if mib_s == "none" else int(mib_s) * MIB)

    def do_downtime(self, guest: str, milliseconds: str) -> None:
        self._adjust(guest, Adjustment.MAX_DOWNTIME, int(milliseconds))

    def do_postcopy(self, guest: str) -> None:
        self._adjust(guest, Adjustment.POSTCOPY)

    def do_abort(self, guest: str) -> None:
        self.source(guest).abort_job(self.uuid(guest))

    def do_power(self, guest: str, verb: str, host: str) -> None:
        self.driver(host).power(self.uuid(guest), PowerVerb(verb))

    def do_worker_dies(self, guest: str) -> None:
        pk = self.row(guest).pk
        for driven in self._driven.pop(pk, []):
            driven.supervisor.eyes.close()
        self._free_at[pk] = self.clock.monotonic() + TAKEN_OVER_S

    def do_worker_freezes(self, guest: str) -> None:
        pk = self.row(guest).pk
        for driven in self._driven[pk]:
            driven.frozen = True
        self._free_at[pk] = self.clock.monotonic() + TAKEN_OVER_S

    def do_worker_thaws(self, guest: str) -> None:
        for driven in self._driven[self.row(guest).pk]:
            driven.frozen = False


def _words(change: Transition) -> str:
    guest = change.name.split(" from ")[0]
    if change.field == "guardian":
        return f"guardian: {change.because}"
    if change.field != "state":
        return f"{guest}: {change.field} {change.new}: {change.because}"
    by = "" if change.actor == "Godwit" else f" ({change.actor})"
    return f"{guest}: {change.old or 'new'} → {change.new}: {change.because}{by}"


def play(folder: Path) -> str:
    """The log of a scenario's script. Wants a database of its own for it."""
    return MigrationScenario((folder / "script.txt").read_text()).play()
