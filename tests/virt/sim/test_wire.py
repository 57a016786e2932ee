"""Records cross the socket unchanged, by name."""

from datetime import UTC, datetime

import pytest

from hosts.virt import errors
from hosts.virt.records import (
    DirtyRate,
    DomainEvent,
    DomainState,
    DomainStats,
    DomainStatus,
    EventKind,
    JobStats,
    JobType,
    MigrateSpec,
    Refusal,
)
from hosts.virt.sim import service
from hosts.virt.sim.wire import RETURNS, decode, error_from_wire, error_to_wire, frame, unframe

AT = datetime(2026, 11, 23, 15, 0, 0, 123456, tzinfo=UTC)
JOB = JobStats(at=AT, type=JobType.RUNNING, remaining_bytes=2**40, expected_downtime_ms=None)
RECORDS = [
    JOB,
    DomainEvent(kind=EventKind.JOB_COMPLETED, uuid="u", name="büro-監視", at=AT, job=JOB),
    DomainStats(
        uuid="u",
        name="n",
        at=AT,
        status=DomainStatus(state=DomainState.PAUSED, reason="user"),
        dirty_rate=DirtyRate(bytes_per_s=1.5, period_s=2.0, at=AT),
    ),
    MigrateSpec(uuid="u", destination_uri="sim://h2", bandwidth_bytes_per_s=None, postcopy=True),
    Refusal(check="cpu", reason="because"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_arrives_as_it_was_sent(record: object) -> None:
    sent = frame({"ok": record})
    assert int.from_bytes(sent[:4], "big") == len(sent) - 4
    assert decode(type(record), unframe(sent[4:])["ok"]) == record


def test_every_call_of_the_service_can_be_sent_back() -> None:
    assert set(service.METHODS) | {"open", "subscribe", "close", "order"} == set(RETURNS)


@pytest.mark.parametrize("kind", [each for each in vars(errors).values() if isinstance(each, type)])
def test_an_error_keeps_its_kind_and_codes(kind: type[errors.VirtError]) -> None:
    again = error_from_wire(error_to_wire(kind("why", code=55, domain=10)))
    assert type(again) is kind
    assert (str(again), again.code, again.domain) == ("why", 55, 10)


def test_what_is_not_known_is_not_sent() -> None:
    with pytest.raises(TypeError):
        frame({"ok": object()})
