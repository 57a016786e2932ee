"""The copy of a guest's disks (NBD): they travel first, while the guest goes on to write to them; then memory does.

As libvirt tells it: while disks travel the job's figures of memory are all 0. QEMU's mirror never ends where the guest
writes faster than the line sends.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from hosts.virt.records import JobStats
from hosts.virt.sim import outage
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.phases import Phase

if TYPE_CHECKING:  # the migration holds its mirror: a cycle at run time
    from hosts.virt.sim.migration import SimMigration

WINDOW_S = 0.1
#: with less than this left QEMU calls the mirror ready, and every further write goes to both disks
READY_BYTES = 1 << 20


class Mirror:
    """What of a guest's disks is there, in bytes."""

    def __init__(self, guest: SimGuest) -> None:
        self.total = float(guest.disk_bytes)
        self.left = float(guest.disk_bytes)
        self.written = 0.0  # by the guest, meanwhile: more to send

    def send(self, job: "SimMigration") -> None:
        """One window, and the next; memory follows once nearly nothing is left."""
        outage.watch_contact(job)
        if job.phase is not Phase.MIRRORING:
            return
        if self.left <= READY_BYTES:
            self.left = 0.0
            job.copy_memory()
            return
        fresh = job.guest.meter.level * job.guest.meter.means.disk_write * WINDOW_S
        self.written += fresh
        self.left = max(0.0, self.left + fresh - job.world.traffic.rate(job.guest.uuid, t=job.world.t) * WINDOW_S)
        job.later(WINDOW_S, lambda: self.send(job))

    def told_in(self, job: JobStats) -> JobStats:
        """The job's figures, with those of its disks."""
        total = self.total + self.written
        return replace(
            job,
            disk_total_bytes=int(total),
            disk_processed_bytes=int(total - self.left),
            disk_remaining_bytes=int(self.left),
        )
