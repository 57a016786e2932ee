"""A lease …"""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from hosts.claim import Lease, claim, release, renew, renew_all, still_held
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


def hold(*names: str) -> list[Lease]:
    return [lease for name in names if (lease := claim(Host, make_host(name).pk, holder=name))]


def almost_out(*leases: Lease) -> None:
    Host.objects.filter(pk__in=[lease.pk for lease in leases]).update(lease_until=Now() + timedelta(seconds=1))


def seconds_left(lease: Lease) -> float:
    until = Host.objects.annotate(now=Now()).get(pk=lease.pk)
    assert until.lease_until is not None
    return float((until.lease_until - until.now).total_seconds())


def test_it_is_renewed_with_many_others_by_one_statement(django_assert_num_queries: Any) -> None:
    leases = hold("a", "b", "c")
    almost_out(*leases)
    with django_assert_num_queries(1):
        assert renew_all(iter(leases), model=Host) == {lease.pk for lease in leases}
    assert all(9 < seconds_left(lease) <= 10 for lease in leases)


def test_it_is_left_alone_when_only_others_are_renewed() -> None:
    renewed, other = hold("a", "b")
    almost_out(renewed, other)
    renew_all([renewed], model=Host)
    assert seconds_left(other) <= 1


def test_it_is_not_renewed_with_the_others_once_somebody_took_it_over() -> None:
    kept, lost = hold("a", "b")
    run_out(Host.objects.get(pk=lost.pk))
    assert claim(Host, lost.pk, holder="c")
    assert renew_all([kept, lost], model=Host) == {kept.pk}
    assert Host.objects.get(pk=lost.pk).lease_holder == "c"


def test_it_is_not_renewed_under_an_old_epoch_of_the_same_holder() -> None:
    (old,) = hold("a")
    run_out(Host.objects.get(pk=old.pk))
    new = claim(Host, old.pk, holder="a")
    assert new is not None
    assert renew_all([old], model=Host) == set()
    assert renew_all([new], model=Host) == {new.pk}


def test_it_is_renewed_for_as_long_as_it_was_taken_for() -> None:
    short = claim(Host, make_host("a").pk, holder="a", ttl_s=5)
    long = claim(Host, make_host("b").pk, holder="b", ttl_s=60)
    assert short is not None
    assert long is not None
    almost_out(short, long)
    renew_all([short, long], model=Host)
    assert 4 < seconds_left(short) <= 5
    assert 59 < seconds_left(long) <= 60


def test_it_is_not_asked_for_where_there_is_none(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert renew_all([], model=Host) == set()
