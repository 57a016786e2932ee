"""What faults and cancellation do to a running migration: the table of migration.md, section 1.5, as code.

Rows in brackets name the trial that each branch repeats.
"""

from typing import TYPE_CHECKING

from hosts.virt.errors import HostLost, MigrationAborted, MigrationFailed, VirtError
from hosts.virt.records import DomainState, JobType
from hosts.virt.sim.phases import SAFE, Phase

if TYPE_CHECKING:  # migrations ask this module what an outage does to them: a cycle at run time
    from hosts.virt.sim.migration import SimMigration


def _stay(job: "SimMigration", error: VirtError, *, job_type: JobType, clean_s: float, return_s: float) -> None:
    """The guest stays on the source; the other copy goes after ``clean_s``, the call returns after ``return_s``."""
    resumes = job.phase is Phase.SWITCHING and not job.stands
    job.to(Phase.FAILING)
    job.job_type = job_type
    if resumes:
        _resume_source(job)
    job.later(clean_s, lambda: _drop_destination(job, "stopped/failed"))
    job.later(return_s, lambda: job.end(error))


def _resume_source(job: "SimMigration") -> None:
    job.guest.meter.set_level(job.world.t, job.level)
    job.set_source(DomainState.RUNNING, "unpaused")
    job.say(job.source, "resumed/unpaused")


def _drop_destination(job: "SimMigration", detail: str) -> None:
    """The incoming copy goes; a definition that was there before stays."""
    copy = job.destination.copies.get(job.guest.uuid)
    if copy is None:
        return
    if job.was_defined:
        job.set_destination(DomainState.SHUTOFF, "failed")
    else:
        del job.destination.copies[job.guest.uuid]
    job.say(job.destination, detail)


def abort(job: "SimMigration", *, linger_s: float) -> None:
    """virDomainAbortJob: OK at once, the guest runs on the source, the call returns 1.2 s later (F10, H10)."""
    error = MigrationAborted("operation aborted: job 'migration out' canceled by client", code=78, domain=10)
    _stay(job, error, job_type=JobType.CANCELLED, clean_s=linger_s - 0.03, return_s=linger_s)


def watch_contact(job: "SimMigration") -> None:
    """The daemons' keepalive: silence for longer than the source's patience ends the call (F08, H11, H19, G02)."""
    silent = job.destination.frozen or job.world.links.between(job.source.name, job.destination.name).cut
    if not silent:
        job.silent_since = None
        return
    if job.silent_since is None:
        job.silent_since = job.world.t
    if job.world.t - job.silent_since >= job.source.keepalive_s:
        _contact_lost(job, after_s=0.0)


def _contact_lost(job: "SimMigration", *, after_s: float) -> None:
    error = MigrationFailed("internal error: client socket is closed", code=1, domain=7)
    if job.phase in SAFE:
        _stay(job, error, job_type=JobType.FAILED, clean_s=after_s, return_s=after_s)
    elif job.phase is Phase.FINISHING:
        _finish_reply_lost(job, error)
    elif job.phase is Phase.POSTCOPY and not job.ticket.done:
        _postcopy_failed_view(job, error)


def _finish_reply_lost(job: "SimMigration", error: VirtError) -> None:
    """It runs on the destination and the source does not know: locks keep that one paused; without, two run (H06)."""
    job.to(Phase.BROKEN)
    if job.stands:  # a person paused it: neither copy runs, and each says so
        job.guest.home = job.source.name
    elif job.spec.paused:  # H14: the other copy stands still, so nothing holds a lock
        job.world.begin_process(job.guest, job.source.name, level=job.level)
        job.set_source(DomainState.RUNNING, "migration_canceled")
        job.say(job.source, "resumed/migrated")
    elif job.guest.image_locked:
        job.set_source(DomainState.PAUSED, "migration")
    else:
        job.set_source(DomainState.RUNNING, "migration_canceled")
        job.say(job.source, "resumed/unpaused")
    job.end(error)


def _postcopy_failed_view(job: "SimMigration", error: VirtError) -> None:
    """libvirt gives post-copy up and says so; QEMU goes on by itself where packets flow again (G02, G06)."""
    job.set_source(DomainState.PAUSED, "postcopy_failed")
    job.say(job.source, "suspended/postcopy_failed")
    job.ticket.finish(error=error)


def pause_postcopy(job: "SimMigration") -> None:
    """Both halves say that post-copy failed, and wait; the call returns when the daemons hear each other (G01, G11)."""
    job.to(Phase.PAUSED)
    job.guest.meter.set_level(job.world.t, 0.0)
    job.set_source(DomainState.PAUSED, "postcopy_failed")
    job.say(job.source, "suspended/postcopy_failed")
    job.set_destination(DomainState.RUNNING, "postcopy_failed")
    job.say(job.destination, "resumed/postcopy_failed")
    _return_when_heard(job, until=job.world.t + job.source.keepalive_s)


def _return_when_heard(job: "SimMigration", *, until: float) -> None:
    if job.ticket.done:
        return
    heard = job.flows() and job.destination.daemon_up and not job.destination.frozen
    if not heard and job.world.t < until:
        job.later(0.2, lambda: _return_when_heard(job, until=until))
        return
    text = "operation failed: job 'migration in' failed in post-copy phase"
    job.ticket.finish(error=MigrationFailed(text, code=9, domain=10))


def resume_postcopy(job: "SimMigration") -> None:
    """The halves talk again (G11)."""
    job.to(Phase.POSTCOPY)
    job.silent_since = None
    job.guest.meter.set_level(job.world.t, job.level)
    job.set_source(DomainState.PAUSED, "postcopy")
    job.say(job.source, "suspended/postcopy")
    job.set_destination(DomainState.RUNNING, "postcopy")
    job.say(job.destination, "resumed/postcopy")
    job.drain()


def source_discarded(job: "SimMigration") -> None:
    """An arbiter ended the source's copy after the guest already ran on the destination (H13)."""
    job.end(MigrationFailed("internal error: client socket is closed", code=1, domain=7))


def destination_killed(job: "SimMigration") -> None:
    """SIGKILL of the destination's QEMU (F06, G03)."""
    if job.phase in SAFE:
        error = MigrationFailed(
            "operation failed: job 'migration out' failed: Unable to write to socket: Bad file descriptor",
            code=9,
            domain=10,
        )
        _stay(job, error, job_type=JobType.FAILED, clean_s=1.42, return_s=1.45)
    elif job.phase in (Phase.POSTCOPY, Phase.PAUSED):
        _half_lost(job, keep=job.source, gone=job.destination, wait_s=1.7)


def source_killed(job: "SimMigration") -> None:
    """SIGKILL of the source's QEMU (F07, G04). The caller marks the source's copy; nothing of it is left to move."""
    error = MigrationFailed("operation failed: domain is not running", code=9, domain=20)
    if job.phase in SAFE:
        job.to(Phase.FAILING)
        job.job_type = JobType.FAILED
        job.later(1.85, lambda: _drop_destination(job, "stopped/failed"))
        job.later(1.9, lambda: job.end(error))
    elif job.phase in (Phase.POSTCOPY, Phase.PAUSED):
        _half_lost(job, keep=job.destination, gone=job.source, wait_s=0.5)


def _half_lost(job: "SimMigration", *, keep: object, gone: object, wait_s: float) -> None:
    """One half of a guest in post-copy died: the other half is of no use, whatever it says."""
    job.to(Phase.BROKEN)
    job.world.end_process(job.guest)
    if keep is job.source:
        job.guest.home = job.source.name
        job.set_source(DomainState.PAUSED, "postcopy_failed")
        job.say(job.source, "suspended/postcopy_failed")
        job.later(wait_s, lambda: _drop_destination(job, "stopped/failed"))
    else:
        job.set_destination(DomainState.RUNNING, "postcopy_failed")
        job.say(job.destination, "resumed/postcopy_failed")
    error = MigrationFailed("operation failed: domain is not running", code=9, domain=20)
    job.later(wait_s, lambda: job.end(error))


def source_daemon_died(job: "SimMigration") -> None:
    """SIGKILL of the source's libvirtd: its callers hear it at once (F03, H02, H04, G05)."""
    error = HostLost("End of file while reading data: Input/output error", code=38, domain=7)
    job.ticket.finish(error=error)
    if job.phase is Phase.SWITCHING:
        job.to(Phase.FAILING)
        job.job_type = JobType.NONE
        _resume_when_back(job)
    elif job.phase in SAFE:
        job.to(Phase.FAILING)
        job.job_type = JobType.NONE
        job.later(2.0, lambda: _drop_destination(job, "stopped/destroyed"))
        job.later(2.0, job.end)
    elif job.phase is Phase.FINISHING and job.stands:
        job.end(error)
    elif job.phase is Phase.FINISHING and not job.postcopy_used:
        job.set_source(DomainState.PAUSED, "migration")  # a zombie for somebody to destroy
        job.end(error)


def _resume_when_back(job: "SimMigration") -> None:
    if not job.source.daemon_up:
        job.later(0.1, lambda: _resume_when_back(job))
        return
    if not job.stands:
        _resume_source(job)
    _drop_destination(job, "stopped/failed")
    job.end()


def destination_daemon_died(job: "SimMigration") -> None:
    """SIGKILL of the destination's libvirtd: noticed in 0.06 s; the incoming QEMU ends too (F05, H03, H05, G06)."""
    _contact_lost(job, after_s=0.06)
