"""The link of a display."""

from datetime import timedelta

import pytest
from django.utils import timezone

from datacenter.models import Display
from datacenter.wall import links
from tests.wall.displays import make_display

pytestmark = pytest.mark.django_db


def test_it_keeps_a_hash_and_not_the_link():
    display, link = make_display()
    handle, secret = link.split(".")
    row = Display.objects.values().get(pk=display.pk)
    assert row["handle"] == handle
    assert secret not in str(row)
    assert len(secret) == 43


@pytest.mark.parametrize("wrong", ["", ".", "x" * 5000, None, 7, "a.b", "../../login", "aaaaaaaaaa." + "b" * 43])
def test_it_finds_nothing_by_what_is_no_link(wrong):
    make_display()
    assert links.display_of(wrong) is None


def test_it_wants_the_secret_of_this_very_handle():
    (one, first), (_, second) = make_display("one"), make_display("two")
    assert links.display_of(first) == one
    assert links.display_of(f"{first.split('.')[0]}.{second.split('.')[1]}") is None
    assert links.display_of(first[:-1] + ("A" if first[-1] != "A" else "B")) is None


def test_it_compares_as_long_where_there_is_no_such_handle(monkeypatch):
    compared = []
    monkeypatch.setattr(links, "constant_time_compare", lambda a, b: compared.append((len(a), len(b))) or False)
    _, link = make_display()
    links.display_of(link)
    links.display_of("aaaaaaaaaa." + "b" * 43)
    assert compared == [(64, 64), (64, 64)]


def test_it_says_why_an_ended_one_shows_nothing():
    now = timezone.now()
    display, _ = make_display(expires_at=now + timedelta(hours=1))
    assert links.ended(display, now) == ""
    assert "was good until" in links.ended(display, now + timedelta(hours=1))
    display.revoked_at = now
    assert "has ended this display" in links.ended(display, now)
