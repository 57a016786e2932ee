"""Every driver migrates alike: the same events, the same states, the same errors."""

import pytest

from hosts.virt.errors import (
    HostLost,
    JobConflict,
    MigrationAborted,
    MigrationRefused,
    NoSuchDomain,
    OperationFailed,
    Unsupported,
    WrongState,
)
from hosts.virt.records import DomainState, JobType, PowerVerb
from tests.contract.conftest import MIB, Heard, Place, Running, wait_until
from tests.contract.test_what_is_there import NOBODY

SLOW = 10 * MIB


def _copying(place: Place, driver: object) -> None:
    """Until memory moves."""
    wait_until(lambda: driver.job_stats(place.uuid).processed_bytes > MIB, "memory moves")  # type: ignore[attr-defined]


def test_it_moves_the_guest_and_its_definition(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    here, there = Heard(source), Heard(destination)
    source.migrate(moving.spec())
    assert destination.domain_status(moving.uuid).state == DomainState.RUNNING
    assert destination.domain_status(moving.uuid).reason == "migrated"
    assert destination.domain(moving.uuid).persistent
    with pytest.raises(NoSuchDomain):
        source.domain(moving.uuid)
    here.wait_for("stopped/migrated")
    here.wait_for("job_completed")
    there.wait_for("resumed/migrated")
    assert "iteration" in here.words()
    assert here.words().index("suspended/migrated") < here.words().index("stopped/migrated")
    assert there.words().index("started/migrated") < there.words().index("resumed/migrated")


def test_its_figures_are_kept_by_the_destination(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    source.migrate(moving.spec())
    job = destination.completed_job_stats(moving.uuid)
    assert job is not None
    assert job.type == JobType.COMPLETED
    assert job.processed_bytes > 0
    assert job.remaining_bytes == 0
    assert job.downtime_ms is not None
    assert job.downtime_ms >= 0


def test_its_last_event_brings_the_figures(moving: Place) -> None:
    source = moving.open()
    here = Heard(source)
    source.migrate(moving.spec())
    here.wait_for("job_completed")
    job = next(event.job for event in here.events if event.job is not None)
    assert (job.type, job.operation) == (JobType.COMPLETED, "migration_out")
    assert job.downtime_ms is not None


def test_a_guest_that_does_not_move_has_no_job(moving: Place) -> None:
    driver = moving.open()
    assert driver.job_stats(moving.uuid).type == JobType.NONE
    with pytest.raises(JobConflict):
        driver.abort_job(moving.uuid)
    with pytest.raises(JobConflict):
        driver.start_postcopy(moving.uuid)


def test_it_tells_how_far_it_is_and_is_aborted(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW))
    _copying(moving, source)
    first = source.job_stats(moving.uuid)
    assert (first.type, first.operation) == (JobType.RUNNING, "migration_out")
    assert first.processed_bytes > 0
    assert 0 < first.remaining_bytes <= first.total_bytes
    assert first.iteration >= 1
    assert first.throughput_bytes_per_s < 2 * SLOW
    wait_until(lambda: source.job_stats(moving.uuid).processed_bytes > first.processed_bytes, "more memory moves")
    source.abort_job(moving.uuid)
    assert type(running.end(timeout_s=10)) is MigrationAborted
    assert source.domain_status(moving.uuid).state == DomainState.RUNNING
    wait_until(lambda: _absent(destination, moving.uuid), "the destination lets go")


def _absent(driver: object, uuid: str) -> bool:
    try:
        driver.domain_status(uuid)  # type: ignore[attr-defined]
    except NoSuchDomain:
        return True
    return False


def test_it_obeys_a_bandwidth_given_under_way(moving: Place) -> None:
    source = moving.open()
    running = Running(source, moving.spec(bandwidth_bytes_per_s=MIB))
    _copying(moving, source)
    source.set_bandwidth(moving.uuid, None)
    assert running.end(timeout_s=30) is None


def test_it_takes_a_downtime_before_and_under_way(moving: Place) -> None:
    source = moving.open()
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW, max_downtime_ms=100))
    _copying(moving, source)
    source.set_max_downtime(moving.uuid, 60_000)
    assert running.end(timeout_s=30) is None


@pytest.mark.parametrize("milliseconds", [0, 2_000_001])
def test_it_refuses_a_downtime_out_of_range(moving: Place, milliseconds: int) -> None:
    with pytest.raises(OperationFailed):
        moving.open().set_max_downtime(moving.uuid, milliseconds)


def test_postcopy_ends_a_migration_that_would_not_and_cannot_be_aborted(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    here, there = Heard(source), Heard(destination)
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW, postcopy=True))
    _copying(moving, source)
    source.start_postcopy(moving.uuid)
    here.wait_for("suspended/postcopy")
    try:
        source.abort_job(moving.uuid)
    except (JobConflict, NoSuchDomain):
        pass  # in post-copy, or so fast that it is over
    else:
        pytest.fail("post-copy was aborted")
    assert running.end(timeout_s=30) is None
    assert destination.domain_status(moving.uuid).state == DomainState.RUNNING
    there.wait_for("resumed/postcopy")
    there.wait_for("resumed/migrated")


def test_postcopy_needs_to_have_been_permitted(moving: Place) -> None:
    source = moving.open()
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW))
    _copying(moving, source)
    with pytest.raises(WrongState):
        source.start_postcopy(moving.uuid)
    source.abort_job(moving.uuid)
    assert type(running.end(timeout_s=10)) is MigrationAborted


def test_a_second_migration_of_the_same_guest_is_a_conflict_and_harms_nothing(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW))
    _copying(moving, source)
    with pytest.raises(JobConflict):
        moving.open().migrate(moving.spec())
    source.set_bandwidth(moving.uuid, None)
    assert running.end(timeout_s=30) is None
    assert destination.domain_status(moving.uuid).state == DomainState.RUNNING


def test_a_destination_that_is_the_source_is_refused(moving: Place) -> None:
    source = moving.open()
    with pytest.raises(MigrationRefused):
        source.migrate(moving.spec(destination_uri=moving.uri, migrate_address=""))
    assert source.domain_status(moving.uuid).state == DomainState.RUNNING


def test_a_destination_that_nobody_reaches_is_refused(moving: Place) -> None:
    source = moving.open()
    nowhere = "sim://nowhere" if moving.kind == "sim" else moving.other_uri.replace("/system", ":1/system")
    with pytest.raises(MigrationRefused):
        source.migrate(moving.spec(destination_uri=nowhere))
    assert source.domain_status(moving.uuid).state == DomainState.RUNNING


def test_a_guest_that_is_nobody_cannot_move(moving: Place) -> None:
    with pytest.raises(NoSuchDomain):
        moving.open().migrate(moving.spec(uuid=NOBODY))


def test_postcopy_with_parallel_channels_is_not_supported_by_an_old_qemu(moving: Place) -> None:
    source = moving.open()
    with pytest.raises(Unsupported):
        source.migrate(moving.spec(postcopy=True, parallel=2))
    assert source.job_stats(moving.uuid).type == JobType.NONE


def test_the_dirty_rate_is_measured(moving: Place) -> None:
    source = moving.open()
    rate = source.measure_dirty_rate(moving.uuid, 4)  # by then all of what the guest rewrites was rewritten
    assert MIB < rate.bytes_per_s < 40 * MIB
    assert rate.period_s == 4
    row = next(row for row in source.domain_stats() if row.uuid == moving.uuid)
    assert row.dirty_rate is not None


def test_the_death_of_the_sources_daemon_leaves_the_outcome_unknown_and_the_guest_running(moving: Place) -> None:
    source = moving.open()
    running = Running(source, moving.spec(bandwidth_bytes_per_s=SLOW))
    _copying(moving, source)
    moving.kill()
    error = running.end(timeout_s=10)
    assert isinstance(error, HostLost)
    assert error.outcome_unknown
    moving.mend()
    again = moving.open()
    wait_until(lambda: again.job_stats(moving.uuid).type == JobType.NONE, "the job is over")
    assert again.domain_status(moving.uuid).state == DomainState.RUNNING


@pytest.mark.parametrize(
    "call", ["migrate", "job_stats", "abort_job", "start_postcopy", "set_bandwidth", "set_max_downtime", "measure"]
)
def test_a_host_that_cannot_migrate_says_unsupported(call: str) -> None:
    place = Place(kind="test", uri="test:///default", uuid="6695eb01-f6a4-8304-79aa-97f2502e193f")
    driver = place.open()
    calls = {
        "migrate": lambda: driver.migrate(place.spec(destination_uri="qemu+tcp://127.0.0.1/system")),
        "job_stats": lambda: driver.job_stats(place.uuid),
        "abort_job": lambda: driver.abort_job(place.uuid),
        "start_postcopy": lambda: driver.start_postcopy(place.uuid),
        "set_bandwidth": lambda: driver.set_bandwidth(place.uuid, None),
        "set_max_downtime": lambda: driver.set_max_downtime(place.uuid, 300),
        "measure": lambda: driver.measure_dirty_rate(place.uuid, 1),
    }
    with pytest.raises(Unsupported):
        calls[call]()
    driver.close()


def test_it_moves_the_definition_of_a_guest_that_is_down_and_of_no_other(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    with pytest.raises(WrongState):
        source.migrate(moving.spec(offline=True))
    assert _absent(destination, moving.uuid)
    source.power(moving.uuid, PowerVerb.POWER_OFF)
    there = Heard(destination)
    source.migrate(moving.spec(offline=True))
    there.wait_for("defined/added")
    assert _absent(source, moving.uuid)
    moved = destination.domain(moving.uuid)
    assert (moved.status.state, moved.persistent) == (DomainState.SHUTOFF, True)
    destination.power(moving.uuid, PowerVerb.START)
    assert destination.domain_status(moving.uuid).state == DomainState.RUNNING


def test_it_sends_pages_where_they_lie_over_parallel_connections_only(moving: Place) -> None:
    source, destination = moving.open(), moving.open(moving.other_uri)
    with pytest.raises(Unsupported):
        source.migrate(moving.spec(zero_copy=True))
    assert source.domain_status(moving.uuid).state == DomainState.RUNNING
    error = Running(source, moving.spec(parallel=2, zero_copy=True)).end()
    if isinstance(error, MigrationRefused) and "locked memory" in str(error):
        # libvirt raises QEMU's limit of locked memory itself, if it has the right to: not in every container
        assert source.domain_status(moving.uuid).state == DomainState.RUNNING
        pytest.skip(f"this machine's daemons may not lock a guest's memory: {error}")
    assert error is None
    assert destination.domain_status(moving.uuid).state == DomainState.RUNNING
