"""A host's readings become figures: the last reading is remembered, rows and feed get what came of it."""

from hosts.telemetry.calls import Beat
from hosts.telemetry.figures import Figures, write_slow_facts
from hosts.telemetry.near import Near
from hosts.telemetry.rates import VMFigures, host_figures, vm_figures
from hosts.telemetry.whereabouts import Hold, hold
from hosts.virt.records import DomainStats, HostStats


class Beats:
    """The readings of one host."""

    def __init__(self, host: int) -> None:
        self._figures = Figures(host)
        self._monotonic = 0.0
        self._domains: dict[str, DomainStats] = {}
        self._host: HostStats | None = None

    def forget(self, uuid: str) -> None:
        """This domain's counters begin anew."""
        self._domains.pop(uuid, None)

    def write(self, rows: dict[str, Near], beat: Beat) -> None:
        """Write the figures of this beat. ``rows``: those VMs of the beat that are this host's, by UUID."""
        elapsed_s = beat.monotonic - self._monotonic
        told = {each.uuid: each for each in beat.domains if each.uuid in rows and _lives(each)}
        figures: dict[int, VMFigures] = {
            rows[uuid].pk: vm_figures(self._domains.get(uuid), each, elapsed_s=elapsed_s)
            for uuid, each in told.items()
        }  # fmt: skip
        self._figures.write_vms(figures)
        write_slow_facts({rows[uuid].pk: each for uuid, each in told.items()}, {row.pk: row for row in rows.values()})
        if beat.host:
            self._figures.write_host(
                host_figures(self._host, beat.host, elapsed_s=elapsed_s, vms=list(figures.values()))
            )
        self._monotonic, self._domains, self._host = beat.monotonic, told, beat.host


def _lives(stats: DomainStats) -> bool:
    return hold(stats.status) > Hold.DEFINED
