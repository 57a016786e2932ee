"""The retention …"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from hosts.chain.retention import cut
from hosts.chain.sealing import seal_some
from hosts.models import Checkpoint, Event
from tests.chain.test_verifyaudit import verify
from tests.factory import make_host

pytestmark = pytest.mark.django_db
Owner = Callable[[str], None]


def written(*days_ago: int) -> None:
    host = make_host()
    for days in days_ago:
        at = timezone.now() - timedelta(days=days)
        Event.objects.create(noun="host", row=host.pk, name="h1", actor="ann", at=at, because=str(days))
    seal_some()


def left() -> list[str]:
    return [each.because for each in Event.objects.exclude(noun="checkpoint").order_by("number")]


def test_it_cuts_the_oldest_and_the_rest_still_verifies() -> None:
    written(500, 450, 300, 1)
    assert cut(keep_days=400) == 2
    assert seal_some() == 1  # its own entry
    assert left() == ["300", "1"]
    assert verify()[0] == 0
    assert Event.objects.get(noun="checkpoint").because.startswith("2 entries")


def test_it_cuts_nothing_behind_an_entry_that_is_kept() -> None:
    written(500, 10, 450)
    assert cut(keep_days=400) == 1
    assert left() == ["10", "450"]


def test_it_cuts_piece_by_piece() -> None:
    written(500, 499, 498, 497, 496, 1)
    assert cut(keep_days=400, most=2) == 5
    assert [each.number for each in Checkpoint.objects.all()] == [5, 4, 2]
    seal_some()
    assert verify()[0] == 0


def test_it_goes_on_where_everything_was_cut() -> None:
    written(500, 499)
    assert cut(keep_days=400) == 2
    written(1)
    assert verify()[0] == 0
    assert Event.objects.order_by("number").first().number == 3  # type: ignore[union-attr]


def test_it_never_cuts_when_told_to_keep_all() -> None:
    written(5000)
    assert cut(keep_days=0) == 0


def test_a_cut_that_it_did_not_sign_is_named(owner: Owner) -> None:
    written(500, 450, 300, 1)
    entry = Event.objects.get(number=2)
    owner("DELETE FROM hosts_event WHERE number <= 2")
    Checkpoint.objects.create(number=2, seal=entry.seal, signature="made-up", count=2)
    code, said = verify()
    assert code == 1
    assert said.startswith("What stood before number 3 is gone, and not by Godwit's retention.")
