"""The sealing …"""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from hosts.chain import heads, sealing
from hosts.models import Event
from hosts.virt.clock import ManualClock

Sealed = Callable[[int], list[Event]]
TOLD = (
    "id", "kind", "severity", "noun", "row", "name", "verb", "field", "old", "new", "because", "before", "after",
    "actor", "actor_kind", "datacenter_pk", "cluster_pk", "host_pk", "vm_pk", "number",
)  # fmt: skip


@pytest.mark.django_db
def test_it_numbers_without_gaps_in_the_order_of_writing(sealed: Sealed) -> None:
    entries = sealed(3)
    more = Event.objects.create(noun="host", name="h1", actor="ann")
    assert sealing.seal_some() == 1
    assert sealing.seal_some() == 0
    more.refresh_from_db()
    assert [each.number for each in [*entries, more]] == [1, 2, 3, 4]
    assert len({each.seal for each in [*entries, more]}) == 4


@pytest.mark.django_db
def test_it_makes_a_seal_that_anybody_can_compute_again(sealed: Sealed) -> None:
    first, second = sealed(2)
    said = {
        name: getattr(second, name)
        for name in TOLD
    }
    said |= {"at": f"{second.at:%Y-%m-%dT%H:%M:%S.%f}Z", "correlation": str(second.correlation)}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(f"{first.seal}\n{text}".encode()).hexdigest() == second.seal


@pytest.mark.django_db(transaction=True)
def test_it_leaves_the_work_to_one_process_at_a_time() -> None:
    Event.objects.create(noun="host", name="h1", actor="ann")
    counts: list[int] = []

    def other() -> None:
        counts.append(sealing.seal_some())
        connection.close()

    with transaction.atomic():
        assert sealing.seal_some() == 1
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
    assert counts == [0]


@pytest.mark.django_db
def test_it_keeps_the_head_outside_the_database_once_a_minute(sealed: Sealed, var: Path) -> None:
    entries = sealed(2)
    clock = ManualClock()
    keeper = heads.Keeper(clock)
    sealing.step(keeper)
    Event.objects.create(noun="host", name="h1", actor="ann")
    sealing.step(keeper)
    assert [(each.number, each.seal) for each in heads.kept()] == [(2, entries[1].seal)]
    clock.advance(61)
    sealing.step(keeper)
    assert [each.number for each in heads.kept()] == [2, 3]
