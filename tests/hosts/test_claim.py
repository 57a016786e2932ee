"""A lease …"""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from hosts.claim import claim, release, renew, still_held
from hosts.models import Host
from tests.factory import make_host

pytestmark = pytest.mark.django_db


def run_out(host: Host) -> None:
    Host.objects.filter(pk=host.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_it_is_refused_while_another_holds_it() -> None:
    host = make_host()
    assert claim(Host, host.pk, holder="a")
    assert claim(Host, host.pk, holder="b") is None


def test_it_is_refused_for_a_row_that_is_gone() -> None:
    assert claim(Host, 999_999, holder="a") is None


def test_it_goes_to_the_next_one_when_it_ran_out_and_the_epoch_rises() -> None:
    host = make_host()
    first = claim(Host, host.pk, holder="a")
    run_out(host)
    second = claim(Host, host.pk, holder="b")
    assert first is not None
    assert second is not None
    assert second.epoch == first.epoch + 1


def test_it_is_lost_for_a_holder_that_froze_and_thawed() -> None:
    host = make_host()
    first = claim(Host, host.pk, holder="a")
    assert first is not None
    run_out(host)
    assert claim(Host, host.pk, holder="b")
    assert not renew(first)
    assert not still_held(first)
    release(first)
    assert Host.objects.get().lease_holder == "b"


def test_it_does_not_come_back_to_the_same_holder_under_the_old_epoch() -> None:
    host = make_host()
    first = claim(Host, host.pk, holder="a")
    run_out(host)
    again = claim(Host, host.pk, holder="a")
    assert first is not None
    assert again is not None
    assert not still_held(first)
    assert still_held(again)


def test_it_is_free_at_once_after_release() -> None:
    host = make_host()
    lease = claim(Host, host.pk, holder="a")
    assert lease is not None
    release(lease)
    assert claim(Host, host.pk, holder="b")
