"""The house of tests/maintenance with large hosts, for ``make bench-drain``: figures come as collectors bring them."""

from datetime import timedelta
from typing import Any

from datacenter.models import Plan
from hosts.livemigration.shipped import ADAPTIVE
from hosts.livemigration.terms import ship
from hosts.models import VM, Cluster, Host, Migration
from hosts.states import HostState, MigrationState, PlanState
from hosts.telemetry import hosting
from tests.maintenance.house import House

GIB = 1 << 30
#: the collector's beat; that a VM arrived, and that a host is up, is heard at once
BEAT_S = 10
LONGEST_S = 40_000.0
_OVER = (PlanState.FINISHED, PlanState.FAILED, PlanState.STOPPED, PlanState.CANCELLED)


class DrainHouse(House):
    """``line``: bytes/s of every host's line."""

    def __init__(self, script: str, *, line: float) -> None:
        self.line = line
        self._seconds = 0
        super().__init__(script)

    def _add_host(self, name: str, options: dict[str, str]) -> None:
        super()._add_host(name, options)
        host = self.world.hosts[name]
        host.memory_bytes, host.line_bytes_per_s = 512 * GIB, self.line

    def drain(self, hosts: list[str], **terms: Any) -> tuple[float, float]:
        """Empty them, one at a time. What the plan foretold, and what it took, in seconds."""
        Cluster.objects.update(migration_policy=ship(ADAPTIVE))
        self._figures()
        for guest in self.world.guests.values():
            VM.objects.filter(uuid=guest.uuid).update(rss_bytes=guest.rss_bytes)
        self._past()
        plan = self.plan(*hosts, **terms)
        began = self.clock.monotonic()
        self.until(lambda: self._beats % 10 == 0 and self.state(plan) in _OVER, seconds=LONGEST_S)
        plan = Plan.objects.get(pk=plan.pk)
        assert plan.state == PlanState.FINISHED, self.tell()
        left = [name for name, host in self.where().items() if host in hosts]
        assert len(hosts) > 1 or not left, left
        return plan.expected_s or 0.0, self.clock.monotonic() - began

    def read_hosts(self) -> None:
        """Every host on its beat; between two the collector sees within a second that one is out of maintenance, and
        what lifecycle events tell is written by the supervisors.
        """
        self._seconds += 1
        if self._seconds % BEAT_S == 1:
            super().read_hosts()
            self._figures()
        for row in Host.objects.filter(state=HostState.CONNECTING):
            if self.world.hosts[row.name].answers:
                hosting.answered(row)

    def _past(self) -> None:
        """A cluster that moved a VM before, so that its lines are known."""
        one, other = Host.objects.order_by("name")[:2]
        ended = self.clock.now() - timedelta(hours=1)
        Migration.objects.create(
            vm=VM.objects.filter(host=one).order_by("name")[0], source=other, destination=one, requested_by="bench",
            state=str(MigrationState.DONE), requested_at=ended, started_at=ended - timedelta(seconds=62),
            ended_at=ended, transferred_bytes=int(60 * self.line),
        )  # fmt: skip

    def _figures(self) -> None:
        for name, host in self.world.hosts.items():
            Host.objects.filter(name=name).update(
                memory_bytes=host.memory_bytes, memory_free_bytes=host.memory_free_bytes()
            )

    def _tell_rows(self) -> None:
        """Nobody reads this log."""

    def _say(self, text: str) -> None:
        """Nor this one."""
