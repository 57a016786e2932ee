"""The guardian's decision: a line of the table each. It …"""

from datetime import UTC, datetime

import pytest

from hosts.livemigration.guardian.arbiter import NEEDS_BOTH, Act, Past, decide, patience
from hosts.livemigration.guardian.past import SHORT_S, Memory
from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Truth
from hosts.virt.records import DomainState, DomainStatus, JobStats, JobType

R, P, OFF = DomainState.RUNNING, DomainState.PAUSED, DomainState.SHUTOFF
AT = datetime(2026, 1, 1, tzinfo=UTC)
JOB, NO_JOB = JobStats(at=AT, type=JobType.RUNNING), JobStats(at=AT, type=JobType.NONE)
LONG = Past(stood_s=200.0, still_s=200.0, stalled_s=200.0)


def s(state: DomainState, reason: str) -> DomainStatus:
    return DomainStatus(state=state, reason=reason)


def past(**fields: object) -> Past:
    return Past(**({"stood_s": 200.0, "still_s": 200.0, "stalled_s": 200.0} | fields))  # type: ignore[arg-type]


STILL, THERE, INCOMING = s(P, "migration"), s(R, "migrated"), s(P, "migration")
CANCELED = s(R, "migration_canceled")
BROKEN, BROKEN_THERE = s(P, "postcopy_failed"), s(R, "postcopy_failed")
N = Act.NOTHING
#: what, source, destination, job, past, act, whether an operator is told
TABLE: list[tuple[str, Seen, Seen, JobStats | None, Past, Act, bool]] = [
    ("pre-copy", s(R, "booted"), INCOMING, JOB, LONG, N, False),
    ("a switch-over has its time", STILL, INCOMING, JOB, past(still_s=1.9), N, False),
    ("H11/H18: it stands still for too long", STILL, INCOMING, JOB, past(still_s=2.0), Act.ABORT, False),
    ("H18: the destination is silent", STILL, UNKNOWN, JOB, past(still_s=2.0), Act.ABORT, False),
    ("QEMU waits for a dead line and tells of no job", STILL, UNKNOWN, None, past(still_s=2.0), Act.ABORT, False),
    ("a longer pause was allowed", STILL, INCOMING, JOB, past(still_s=4.0, patience_s=4.5), N, False),
    ("it ran there: an abort is of no use", STILL, UNKNOWN, JOB, past(ran_there=True), N, False),
    ("the source clears up", STILL, THERE, JOB, past(stood_s=2.9), N, False),
    ("H06/H13: it does not", STILL, THERE, JOB, past(stood_s=3.0), Act.END_SOURCE, False),
    ("H04: a zombie", STILL, THERE, NO_JOB, LONG, Act.END_SOURCE, False),
    ("H05/H06/H16: two run", CANCELED, THERE, NO_JOB, past(stood_s=0.0), Act.SUSPEND_SOURCE, True),
    ("H05: the other daemon is dead", CANCELED, UNKNOWN, NO_JOB, past(ran_there=True), Act.SUSPEND_SOURCE, True),
    ("the same, and nobody heard it run there", CANCELED, UNKNOWN, NO_JOB, past(stood=True), Act.SUSPEND_SOURCE, True),
    ("cancelled long ago, and silence now", CANCELED, UNKNOWN, NO_JOB, LONG, N, False),
    ("H03: taken back by itself, and silence", s(R, "unpaused"), UNKNOWN, NO_JOB, past(stood=True), N, False),
    ("suspended by us after a short split", s(P, "user"), THERE, NO_JOB, past(short=True), Act.END_SOURCE, False),
    ("after a long one", s(P, "user"), THERE, NO_JOB, past(short=False), N, True),
    ("somebody started the destination's anew", s(P, "user"), s(R, "booted"), NO_JOB, past(short=True), N, True),
    ("H02: the source has a moment to go on", STILL, ABSENT, NO_JOB, past(stood_s=1.0, watched=True), N, False),
    ("it does not, and never ran there", STILL, ABSENT, NO_JOB, past(watched=True), Act.RESUME_SOURCE, False),
    ("nobody watched the destination", STILL, ABSENT, NO_JOB, LONG, N, True),
    ("it ran there and is gone", STILL, ABSENT, NO_JOB, past(watched=True, ran_there=True), N, True),
    ("both stand still, no job", STILL, INCOMING, NO_JOB, past(watched=True), Act.END_DESTINATION, False),
    ("a half-made copy is left", s(R, "unpaused"), INCOMING, NO_JOB, LONG, Act.END_DESTINATION, False),
    ("it has a minute", s(R, "unpaused"), INCOMING, NO_JOB, past(stood_s=50.0), N, False),
    ("post-copy", s(P, "postcopy"), s(R, "postcopy"), JOB, past(stalled_s=1.0), N, False),
    ("G09: TCP goes on by itself", s(P, "postcopy"), s(R, "postcopy"), JOB, past(stalled_s=60.0), N, False),
    ("G11: the other is silent", s(P, "postcopy"), UNKNOWN, JOB, LONG, N, False),
    ("G11: no page moves for long", s(P, "postcopy"), s(R, "postcopy"), JOB, LONG, Act.PAUSE_POSTCOPY, False),
    ("G05: its daemon was started anew", s(P, "postcopy"), s(R, "postcopy"), NO_JOB, LONG, N, False),
    ("G02: libvirt gave up, QEMU did not", BROKEN, s(R, "postcopy"), JOB, LONG, Act.PAUSE_POSTCOPY, False),
    ("it may have paused by itself", BROKEN, BROKEN_THERE, JOB, past(stalled_s=5.0), Act.RESUME_POSTCOPY, False),
    ("G06: it goes on all the same", s(P, "postcopy_failed"), s(R, "postcopy"), JOB, past(stalled_s=0.4), N, False),
    ("G11: the destination is away", s(P, "postcopy_failed"), UNKNOWN, JOB, past(held=True), N, False),
    ("G11: back", s(P, "postcopy_failed"), s(R, "postcopy_failed"), JOB, past(held=True), Act.RESUME_POSTCOPY, False),
    ("G03: its other half is gone", s(P, "postcopy_failed"), ABSENT, JOB, past(held=True), N, False),
    ("G06: finished, the source holds its half", s(P, "postcopy_failed"), THERE, NO_JOB, LONG, Act.END_SOURCE, False),
    ("H15: arrived paused", ABSENT, s(P, "user"), None, past(arrives_paused=True), Act.RESUME_DESTINATION, False),
    ("paused there by a person since", ABSENT, s(P, "user"), None, past(arrives_paused=True, ran_there=True), N, False),
    ("paused by a person, not asked for", ABSENT, s(P, "user"), None, LONG, N, False),
    ("arrived paused, the source stays", STILL, s(P, "user"), JOB, past(arrives_paused=True), Act.END_SOURCE, False),
    ("H14: it runs again", CANCELED, s(P, "user"), NO_JOB, past(arrives_paused=True), Act.END_DESTINATION, False),
    ("the source is silent", UNKNOWN, THERE, None, past(ran_there=True), N, False),
    ("both are", UNKNOWN, UNKNOWN, None, LONG, N, False),
    ("done", ABSENT, THERE, None, LONG, N, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "destination", "job", "seen", "act", "doubt"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_it_reads_the_table(
    source: Seen, destination: Seen, job: JobStats | None, seen: Past, act: Act, doubt: bool
) -> None:
    decision = decide(Truth(source=source, destination=destination, job=job), seen)
    assert (decision.act, decision.doubt) == (act, doubt), decision.because


def test_it_never_starts_resumes_or_destroys_while_a_host_is_silent() -> None:
    reasons = ("booted", "migration", "migrated", "migration_canceled", "postcopy", "postcopy_failed", "user")
    told: list[Seen] = [ABSENT, UNKNOWN, *(s(state, reason) for state in DomainState for reason in reasons)]
    for short in (None, True, False):
        for flags in range(16):
            names = ("ran_there", "stood", "watched", "arrives_paused")
            seen = past(short=short, **{name: bool(flags >> i & 1) for i, name in enumerate(names)})
            for one in told:
                for source, destination in ((one, UNKNOWN), (UNKNOWN, one)):
                    truth = Truth(source=source, destination=destination, job=NO_JOB)
                    assert decide(truth, seen).act not in NEEDS_BOTH


def test_it_waits_two_seconds_or_three_times_what_was_expected() -> None:
    assert [patience(each) for each in (None, 0.1, 0.3, 1.5)] == [2.0, 2.0, 2.0, 4.5]


def test_a_split_is_short_only_while_it_is() -> None:
    memory = Memory(Past(), now=0.0)
    two = Truth(source=CANCELED, destination=THERE, job=NO_JOB)
    assert memory.see(Truth(source=STILL, destination=INCOMING, job=JOB), now=0.0).stood
    assert memory.see(two, now=1.0).short is True
    assert memory.see(two, now=SHORT_S + 1).short is False
    memory.see(Truth(source=s(P, "user"), destination=THERE, job=NO_JOB), now=SHORT_S + 2)
    assert memory.see(two, now=SHORT_S + 3).short is False


def test_a_split_that_began_unseen_is_not_short() -> None:
    memory = Memory(Past(), now=0.0)
    assert memory.see(Truth(source=CANCELED, destination=THERE, job=NO_JOB), now=1.0).short is False


def test_a_gap_in_sight_is_remembered_until_the_source_runs_again() -> None:
    memory = Memory(Past(), now=0.0)
    assert memory.see(Truth(source=s(R, "booted"), destination=INCOMING, job=JOB), now=0.0).watched
    assert memory.see(Truth(source=STILL, destination=INCOMING, job=JOB), now=1.0).watched
    assert not memory.see(Truth(source=STILL, destination=UNKNOWN, job=JOB), now=2.0).watched
    assert not memory.see(Truth(source=STILL, destination=ABSENT, job=NO_JOB), now=3.0).watched
