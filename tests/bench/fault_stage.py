"""Where fault trials happen: a lab of real libvirt hosts, their rows, and Godwit's worker, guardian and collector."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.lab import Lab
from deploy.lab.machine import run
from deploy.lab.network import batch
from deploy.lab.plan import guest_uuid
from deploy.lab.sharing import leave_clean
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, VMState
from tests.bench.fault_processes import Process, wait_for
from tests.factory import make_host

#: connections of libvirt's own talk between hosts come from and go to this port
DAEMON_PORT = 16509
#: bytes of an IP packet that says no more than which TCP bytes came in, with all its options
ACKNOWLEDGEMENT = 80


class Stage:
    """The lab with Godwit on it. ``mend`` makes it whole again between trials."""

    def __init__(self, lab: Lab, logs: Path) -> None:
        self.lab = lab
        self.logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        self.workers = [
            Process(name, "work", log=logs / f"{name}.log", ready="The worker has started") for name in ("w1", "w2")
        ]
        self.guardian = Process("guardian", "guard", log=logs / "guardian.log", ready="This guardian is on duty")
        self.standby = Process("standby", "guard", log=logs / "standby.log", ready="")
        self.collector = Process("collector", "collect", "--beat", "2", log=logs / "collector.log", ready="")
        self.hosts = {host.name: self._row(host.name) for host in lab.hosts.values()}
        self._numbers = itertools.count(1)
        self._muted: list[tuple[str, str]] = []
        self._losing: list[str] = []

    def _row(self, name: str) -> Host:
        host = self.lab.hosts[name]
        if row := Host.objects.filter(uri=host.uri).first():  # of a stage that did not come up
            return row
        return make_host(name, uri=host.uri, uuid=host.host_uuid, state=str(HostState.CONNECTING))

    @property
    def processes(self) -> list[Process]:
        return [*self.workers, self.guardian, self.collector]

    def start(self) -> None:
        """All processes run and all hosts are up."""
        for each in self.processes:
            each.start()
        for each in self.processes:
            each.await_ready()
        self.await_hosts()

    def await_hosts(self) -> None:
        """Until Godwit says that all hosts are up."""
        down = Host.objects.exclude(state=str(HostState.UP))
        wait_for(lambda: not down.exists(), seconds=60, what=lambda: f"not up: {[str(each) for each in down.all()]}")

    def guest(self, **settings: Any) -> VM:
        """A running guest of a name of its own on h1, once Godwit knows it."""
        name = f"g{next(self._numbers)}"
        uuid = guest_uuid(self.lab.plan.name, name)
        self.lab.guest(name, "h1", **settings)
        self.lab.await_beat(name)
        wait_for(lambda: VM.objects.filter(uuid=uuid, state=VMState.UP).exists(), seconds=30, what=f"a row of {name}")
        return VM.objects.select_related("host").get(uuid=uuid)

    # faults that the lab itself has no word for
    def mute(self, source: str, destination: str) -> None:
        """Nothing that ``source`` sends reaches ``destination``; a manager sees both. ``mend`` undoes it."""
        what = f"to {self.lab.hosts[destination].address}"
        batch(self._netns(source), f"rule add {what} blackhole")
        self._muted.append((source, what))

    def lose_replies(self, source: str, destination: str) -> None:
        """What libvirtd on ``source`` answers to ``destination`` is lost. ``mend`` undoes it.

        Bare acknowledgements pass: without them the kernel of ``destination`` holds back its next request (Nagle).
        """
        to = f"ip daddr {self.lab.hosts[destination].address} tcp sport {DAEMON_PORT} ip length gt {ACKNOWLEDGEMENT}"
        rules = f"table ip lost {{ chain out {{ type filter hook output priority 0; {to} drop; }}; }}"
        run("ip", "netns", "exec", self._netns(source), "nft", rules)
        self._losing.append(source)

    def unmute(self) -> None:
        while self._muted:
            source, what = self._muted.pop()
            batch(self._netns(source), f"rule delete {what} blackhole")
        while self._losing:
            run("ip", "netns", "exec", self._netns(self._losing.pop()), "nft", "delete table ip lost")

    def _netns(self, host: str) -> str:
        return next(each.netns for each in self.lab.plan.hosts if each.name == host)

    def mend(self) -> None:
        """Every fault undone; the guests stay as they are."""
        self.unmute()
        for host in self.lab.hosts:
            self.lab.mend(host)
            self.lab.power_on(host)
        for guest in self.lab.guests():
            for host in self.lab.running_on(guest):
                self.lab.freeze_guest(guest, host, thaw=True)

    def clear(self) -> None:
        """Nothing is left of a trial: no guest, no open row, no second guardian."""
        self.standby.stop()
        self.mend()
        leave_clean(self.lab)
        Migration.objects.filter(state__in=OPEN_MIGRATION).update(state="failed", because="The trial is over.")

    def close(self) -> None:
        for each in (*self.processes, self.standby):
            each.stop()


@contextmanager
def staged(lab: Lab, logs: Path) -> Iterator[Stage]:
    """A stage with everything running; all of it ends with the block. Needs a database that others can see."""
    stage = Stage(lab, logs)
    try:
        stage.start()
        yield stage
    finally:
        stage.close()
        stage.mend()
