"""The verdict over both hosts: one line of the table each."""

from datetime import UTC, datetime

import pytest

from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Verdict, say, verdict
from hosts.virt.records import DomainState, DomainStatus, JobStats, JobType

R, P, OFF = DomainState.RUNNING, DomainState.PAUSED, DomainState.SHUTOFF
NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = JobStats(at=NOW, type=JobType.RUNNING, operation="migration_out", total_bytes=1)
NO_JOB = JobStats(at=NOW, type=JobType.NONE)


def s(state: DomainState, reason: str) -> DomainStatus:
    return DomainStatus(state=state, reason=reason)


TABLE: list[tuple[str, Seen, Seen, JobStats | None, Verdict]] = [
    ("nothing has reached the destination yet", s(R, "booted"), ABSENT, JOB, Verdict.COPYING),
    ("pre-copy", s(R, "booted"), s(P, "migration"), JOB, Verdict.COPYING),
    ("pre-copy to a host that has an old definition", s(R, "booted"), s(OFF, "migrated"), JOB, Verdict.COPYING),
    ("switch-over", s(P, "migration"), s(P, "migration"), JOB, Verdict.SWITCHING),
    ("post-copy", s(P, "postcopy"), s(R, "postcopy"), JOB, Verdict.POSTCOPY),
    ("post-copy begins", s(P, "migration"), s(R, "postcopy"), JOB, Verdict.UNSETTLED),
    ("post-copy has all pages", s(P, "postcopy"), s(R, "migrated"), JOB, Verdict.CONFIRMING),
    ("G02: the source saw the link break", s(P, "postcopy_failed"), s(R, "postcopy"), JOB, Verdict.POSTCOPY_BROKEN),
    ("G01: paused on both", s(P, "postcopy_failed"), s(P, "postcopy_failed"), NO_JOB, Verdict.POSTCOPY_BROKEN),
    ("G06: it went on unattended", s(P, "postcopy_failed"), s(R, "migrated"), NO_JOB, Verdict.CONFIRMING),
    ("G03: the destination's QEMU died in post-copy", s(P, "postcopy_failed"), ABSENT, NO_JOB, Verdict.GONE),
    ("G04: the source's QEMU died in post-copy", ABSENT, s(R, "postcopy_failed"), None, Verdict.GONE),
    ("the destination runs, the source clears up", s(P, "migration"), s(R, "migrated"), JOB, Verdict.CONFIRMING),
    ("H04: a zombie stays on the source", s(P, "migration"), s(R, "migrated"), NO_JOB, Verdict.CONFIRMING),
    ("done", ABSENT, s(R, "migrated"), None, Verdict.ARRIVED),
    ("done, the source keeps a definition", s(OFF, "migrated"), s(R, "migrated"), NO_JOB, Verdict.ARRIVED),
    ("done, and paused by somebody since", ABSENT, s(P, "user"), None, Verdict.ARRIVED),
    ("post-copy ends, the destination says so in a moment", ABSENT, s(R, "postcopy"), None, Verdict.UNSETTLED),
    ("F10: aborted", s(R, "unpaused"), ABSENT, NO_JOB, Verdict.STAYED),
    ("F12: refused", s(R, "booted"), ABSENT, NO_JOB, Verdict.STAYED),
    ("paused by a person meanwhile, no job", s(P, "user"), ABSENT, NO_JOB, Verdict.STAYED),
    ("the destination clears up after a failure", s(R, "booted"), s(P, "migration"), NO_JOB, Verdict.UNSETTLED),
    ("a job, the destination paused by hand", s(R, "booted"), s(P, "user"), NO_JOB, Verdict.UNSETTLED),
    ("H02: stands still, nothing on the other side", s(P, "migration"), ABSENT, NO_JOB, Verdict.HELD),
    ("stands still, the other side clears up", s(P, "migration"), s(P, "migration"), NO_JOB, Verdict.UNSETTLED),
    ("H05: split brain", s(R, "migration_canceled"), s(R, "migrated"), NO_JOB, Verdict.DOUBLED),
    ("F07: the source's QEMU died", ABSENT, ABSENT, None, Verdict.GONE),
    ("F07 with a definition", s(OFF, "crashed"), s(OFF, "destroyed"), NO_JOB, Verdict.GONE),
    ("the guest shut itself down", s(OFF, "shutdown"), ABSENT, NO_JOB, Verdict.ENDED),
    ("somebody powered it off", s(OFF, "destroyed"), ABSENT, NO_JOB, Verdict.ENDED),
    ("it shut down right after it arrived", ABSENT, s(OFF, "shutdown"), None, Verdict.ENDED),
    ("the source's QEMU died, the rest is being removed", ABSENT, s(P, "migration"), None, Verdict.UNSETTLED),
    ("the destination is silent, the source copies", s(R, "booted"), UNKNOWN, JOB, Verdict.COPYING),
    ("the destination is silent, no job", s(R, "booted"), UNKNOWN, NO_JOB, Verdict.UNKNOWN),
    ("the destination is silent at switch-over", s(P, "migration"), UNKNOWN, JOB, Verdict.UNKNOWN),
    ("the source is silent", UNKNOWN, s(P, "migration"), None, Verdict.UNKNOWN),
    ("the source is silent, the destination runs", UNKNOWN, s(R, "migrated"), None, Verdict.UNKNOWN),
    ("both are silent", UNKNOWN, UNKNOWN, None, Verdict.UNKNOWN),
]


@pytest.mark.parametrize(
    ("source", "destination", "job", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_it_reads_the_table(source: Seen, destination: Seen, job: JobStats | None, expected: Verdict) -> None:
    assert verdict(source, destination, job) is expected


def test_it_never_proves_anything_final_while_a_host_is_silent() -> None:
    harmless = {Verdict.UNKNOWN, Verdict.COPYING}
    for state in DomainState:
        for reason in ("booted", "migration", "migrated", "postcopy", "postcopy_failed", "shutdown", "user"):
            for job in (JOB, NO_JOB, None):
                assert verdict(s(state, reason), UNKNOWN, job) in harmless
                assert verdict(UNKNOWN, s(state, reason), job) is Verdict.UNKNOWN


def test_it_has_a_verdict_for_every_pair() -> None:
    reasons = ("booted", "migration", "migrated", "postcopy", "postcopy_failed", "shutdown", "user", "starting_up")
    seen: list[Seen] = [ABSENT, UNKNOWN, *(s(state, reason) for state in DomainState for reason in reasons)]
    for source in seen:
        for destination in seen:
            for job in (JOB, NO_JOB, None):
                assert isinstance(verdict(source, destination, job), Verdict)


def test_it_says_what_a_host_said() -> None:
    assert say(s(P, "postcopy_failed")) == "says paused (postcopy failed)"
    assert say(ABSENT) == "has no such VM"
    assert say(UNKNOWN) == "does not answer"
