"""Lab: the hosts, their guests, and the faults one can give them."""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from deploy.lab import daemon, faults, guests, image, network, rooms
from deploy.lab.assembly import Say, build_network, claim, open_hosts, planned, quiet, recorded, sweep
from deploy.lab.beats import Beat, Watch, read
from deploy.lab.console import type_line
from deploy.lab.guests import GuestSpec
from deploy.lab.machine import LabError, await_true, locked, run, why_not, write
from deploy.lab.plan import HostPlan, LabPlan, default_state, guest_uuid, lock_file
from deploy.lab.processes import Recorded, command_line, only

QEMU = "qemu-system-x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabHost:
    """A host of a running lab, as a manager would be told of it."""

    name: str
    uri: str
    address: str
    hostname: str
    host_uuid: str


class Lab:
    """A lab that is up. Make one with `Lab.up` or find one with `Lab.find`."""

    def __init__(self, plan: LabPlan) -> None:
        self.plan = plan
        self._plans = {host.name: host for host in plan.hosts}
        self.hosts = MappingProxyType({host.name: _described(host) for host in plan.hosts})

    # --- the whole lab ------------------------------------------------------------------------------------

    @classmethod
    def up(
        cls, *, name: str = "godwit", hosts: int = 3, guests: int = 0, state: Path | None = None, say: Say = quiet
    ) -> Lab:
        """Bring a lab up, or complete one that stands; `guests` of the demo set are started on it.

        Idempotent. Raises LabError where the machine can't, or where the name belongs to another checkout's lab.
        """
        if reason := why_not():
            raise LabError(reason)
        state = (state or default_state(name)).resolve()
        with locked(lock_file()):
            lab = cls(build_network(name, state, hosts, say))
            open_hosts(lab.plan, say)
            lab._start_demo(guests, say)
        return lab

    @classmethod
    def find(cls, name: str = "godwit", *, state: Path | None = None) -> Lab:
        """The lab of this name that is up; LabError if there is none."""
        plan = recorded((state or default_state(name)).resolve(), name)
        # Without its network it is what a restart of the machine left behind.
        if plan is None or not network.exists(plan.switch):
            raise LabError(f"no lab {name!r} is up")
        return cls(plan)

    @staticmethod
    def remove_all(name: str = "godwit", *, state: Path | None = None, say: Say = quiet) -> bool:
        """End a lab and remove all of it; False if there was nothing to remove."""
        state = (state or default_state(name)).resolve()
        with locked(lock_file()):
            plan = recorded(state, name) or planned(name, state=state, hosts=1)
            found = state.exists() or bool(network.named_like(name))
            if found:
                claim(plan)
                sweep(plan)
                say(f"down: lab {name} and all it started is gone")
        return found

    def down(self) -> None:
        """End this lab and remove all of it."""
        self.remove_all(self.plan.name, state=self.plan.state)

    # --- talking to a host --------------------------------------------------------------------------------

    def virsh(self, host: str, *words: str, check: bool = True, timeout_s: float = 60) -> str:
        """Run virsh against a host from outside, as a second administrator would; returns its output."""
        return run("virsh", "-q", "-c", self.hosts[host].uri, *words, check=check, timeout_s=timeout_s).strip()

    def migrate(self, guest: str, source: str, destination: str, *flags: str, timeout_s: float = 120) -> None:
        """Move a guest live with virsh, peer to peer, its definition with it."""
        target = self.hosts[destination]
        words = ("--live", "--p2p", "--persistent", "--undefinesource", *flags)
        where = (guest, target.uri, "--migrateuri", f"tcp://{target.address}")
        self.virsh(source, "migrate", *words, *where, timeout_s=timeout_s)

    def status(self) -> dict[str, object]:
        """All hosts and guests as plain data; asks each daemon, but waits for a silent one no longer than 5 s."""
        specs = guests.load_all(self.plan)
        described, found = [], []
        for host in self.plan.hosts:
            names = self._domains(host.name)
            described.append(asdict(self.hosts[host.name]) | _pids(host) | {"answers": names is not None})
            found += [self._guest_status(host, name, specs.get(name)) for name in sorted(names or {})]
        head = {"name": self.plan.name, "state": str(self.plan.state), "subnet": self.plan.subnet}
        return head | {"machine": self.plan.address, "hosts": described, "guests": found}

    def _guest_status(self, host: HostPlan, name: str, spec: GuestSpec | None) -> dict[str, object]:
        pids = self._guest_pids(host, name)
        identity = {"name": name, "uuid": guest_uuid(self.plan.name, name), "host": host.name}
        settings = asdict(spec) if spec else {}
        return settings | identity | {"pid": pids[0] if pids else None}

    def _domains(self, host: str) -> set[str] | None:
        try:
            return set(self.virsh(host, "list", "--all", "--name", timeout_s=5).split())
        except LabError:
            return None

    # --- guests -------------------------------------------------------------------------------------------

    def guest(self, name: str, host: str = "h1", *, start: bool = True, **settings: object) -> GuestSpec:
        """Define a guest on a host and start it (0.5 s; it beats about 2 s later). Settings: see GuestSpec."""
        spec = GuestSpec(name=name, **settings)  # type: ignore[arg-type]
        self._define(spec, host, image.prepare(), start=start)
        return spec

    def _define(self, spec: GuestSpec, host: str, disk_image: image.Image, *, start: bool) -> None:
        with locked(self.plan.specs / ".lock"):
            number = guests.save(self.plan, spec)
        xml = guests.domain_xml(self.plan, spec, disk_image, number=number)
        path = write(self.plan.specs / f"{spec.name}.xml", xml)
        guests.beats_file(self.plan, spec.name).parent.mkdir(exist_ok=True)
        # One virsh, two commands: a connection costs as much as a definition.
        self.virsh(host, f"define '{path}'" + (f"; start {spec.name}" if start else ""))

    def remove_guest(self, name: str) -> None:
        """Destroy and undefine a guest wherever it is, and forget it. A host that does not answer is passed over."""
        for room in self.plan.hosts:  # a QEMU that hangs in a broken post-copy keeps its daemon waiting
            for process in filter(None, map(Recorded.of, self._guest_pids(room, name))):
                process.kill()
        for host in self.hosts:
            if name in (self._domains(host) or ()):
                self.virsh(host, f"destroy {name}; undefine {name}", check=False)
        guests.forget(self.plan, name)

    def guests(self) -> dict[str, GuestSpec]:
        """All guests asked for in this lab and not removed since, by name, running or not."""
        return guests.load_all(self.plan)

    def host_of(self, guest: str) -> str | None:
        """The host on which the guest's QEMU runs, or None; the lowest name if it runs on several."""
        return next(iter(self.running_on(guest)), None)

    def running_on(self, guest: str) -> list[str]:
        """Every host on which a QEMU of this guest is alive: the kernel's answer, no daemon is asked."""
        return [host.name for host in self.plan.hosts if self._guest_pids(host, guest)]

    def _guest_pids(self, host: HostPlan, guest: str) -> list[int]:
        mark = re.compile(rf"guest={re.escape(guest)}(,|$)")
        return [pid for pid in rooms.processes(host, QEMU) if any(map(mark.match, command_line(pid)))]

    def dirty(self, guest: str, mib: int, rate: float, pattern: str = "sequential") -> None:
        """Change a running guest's working set (MiB) and dirty rate (MiB/s), through its console."""
        host = self.host_of(guest)
        if host is None:
            raise LabError(f"guest {guest} does not run")
        console = self.virsh(host, "ttyconsole", guest)
        type_line(console, f"pulse set {mib} {rate:g} {pattern}")

    def beats(self, guest: str) -> list[Beat]:
        """All heartbeats of a guest so far, across its hosts."""
        return read(guests.beats_file(self.plan, guest))

    heartbeats = beats

    def watch(self, guest: str) -> Watch:
        """A context manager that notes when heartbeats arrive: see Watch."""
        return Watch(guests.beats_file(self.plan, guest))

    def await_beat(self, guest: str, *, timeout_s: float = 120) -> None:
        """Wait for the guest's next heartbeat: it is up and runs."""
        before = len(self.beats(guest))
        await_true(f"a heartbeat of {guest}", lambda: len(self.beats(guest)) > before, timeout_s=timeout_s)

    def _start_demo(self, size: int, say: Say) -> None:
        if not size:
            return
        disk_image = image.prepare()
        say(f"image: {disk_image.kernel.name}, accelerator {disk_image.accelerator}")
        present = {name: host for host in self.hosts for name in self._domains(host) or ()}
        names = list(self.hosts)
        demo = [
            (present.get(spec.name, names[number % len(names)]), spec, spec.name in present)
            for number, spec in enumerate(guests.demo_set(size))
        ]
        with ThreadPoolExecutor(len(names)) as pool:  # each start waits for its own host
            list(pool.map(lambda job: self._ensure(*job, disk_image=disk_image), demo))
        say(f"guests: {size} run")

    def _ensure(self, host: str, spec: GuestSpec, defined: bool, *, disk_image: image.Image) -> None:
        if not defined:
            self._define(spec, host, disk_image, start=True)
        elif not self._guest_pids(self._plans[host], spec.name):
            self.virsh(host, "start", spec.name)

    # --- faults -------------------------------------------------------------------------------------------

    def cut(self, host: str) -> None:
        """Pull the host's cable."""
        faults.cut(self.plan, self._plan_of(host))

    def drop(self, host: str) -> None:
        """Lose all packets of the host silently."""
        faults.drop(self.plan, self._plan_of(host))

    def mend(self, host: str) -> None:
        """Undo cut, drop and slow, and let a frozen daemon go on."""
        faults.mend(self.plan, self._plan_of(host))
        self.cont_daemon(host)

    def slow(self, host: str, mbit: float) -> None:
        """Shape the host's line, both ways; 0 takes it off."""
        faults.slow(self.plan, self._plan_of(host), mbit)

    def stop_daemon(self, host: str) -> None:
        """Freeze libvirtd (SIGSTOP): its port still accepts, nothing ever answers."""
        rooms.send(self._plan_of(host), daemon.PROGRAM, signal.SIGSTOP)

    def cont_daemon(self, host: str) -> None:
        """Let a frozen libvirtd go on."""
        rooms.send(self._plan_of(host), daemon.PROGRAM, signal.SIGCONT)

    def kill_daemon(self, host: str) -> None:
        """Kill libvirtd (SIGKILL); its guests run on."""
        daemon.stop(self._plan_of(host))

    def start_daemon(self, host: str) -> None:
        """Start libvirtd again and wait until it answers."""
        daemon.launch(self._plan_of(host))
        daemon.await_answer(self._plan_of(host))

    def kill_guest(self, guest: str, host: str | None = None) -> None:
        """Kill the guest's QEMU (SIGKILL), on the host named or where it runs."""
        where = host or self.host_of(guest)
        pids = self._guest_pids(self._plan_of(where), guest) if where else []
        only(pids, f"QEMU of {guest}").kill()

    def freeze_guest(self, guest: str, host: str | None = None, *, thaw: bool = False) -> None:
        """Stop the guest's QEMU process (SIGSTOP), or let it go on."""
        where = host or self.host_of(guest)
        pids = self._guest_pids(self._plan_of(where), guest) if where else []
        only(pids, f"QEMU of {guest}").send(signal.SIGCONT if thaw else signal.SIGSTOP)

    def power_off(self, host: str) -> None:
        """Cut the host's power: daemon, guests and link are gone at once. Definitions stay."""
        faults.cut(self.plan, self._plan_of(host))
        rooms.close_room(self._plan_of(host))

    def power_on(self, host: str) -> None:
        """Start a host that was powered off; its guests stay off, as without autostart."""
        open_hosts(self.plan, quiet, only=self._plan_of(host).name)

    def _plan_of(self, host: str) -> HostPlan:
        if host not in self._plans:
            raise LabError(f"lab {self.plan.name} has no host {host!r}, only {', '.join(self._plans)}")
        return self._plans[host]


def _described(host: HostPlan) -> LabHost:
    return LabHost(
        name=host.name, uri=host.uri, address=host.address, hostname=host.hostname, host_uuid=host.host_uuid
    )  # fmt: skip


def _pids(host: HostPlan) -> dict[str, int | None]:
    holder = rooms.holder_of(host)
    daemons = rooms.processes(host, daemon.PROGRAM)
    return {"holder_pid": holder.pid if holder else None, "daemon_pid": daemons[0] if daemons else None}
