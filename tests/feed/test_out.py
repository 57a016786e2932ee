"""What is put into the feed arrives by NOTIFY: at once, merged, bounded, and also after the database was away."""

import time

import orjson
import psycopg
import pytest
from django.db import transaction

from hosts import feed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def out():
    out = feed.Out()
    yield out
    out.close()


@pytest.fixture
def ear():
    """A LISTEN of the test's own."""
    with psycopg.connect(**feed.link_parameters(), autocommit=True) as link:
        link.execute(f"LISTEN {feed.CHANNEL}")
        yield link


def heard(ear, *, timeout=2.0, stop_after=None):
    return [
        tuple(entry)
        for notify in ear.notifies(timeout=timeout, stop_after=stop_after)
        for entry in orjson.loads(notify.payload)
    ]


def backend_of(name):
    with psycopg.connect(**feed.link_parameters(), autocommit=True) as link:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
        return [pid for (pid,) in link.execute(query, (name,))]


def end_backends(pids):
    with psycopg.connect(**feed.link_parameters(), autocommit=True) as link:
        for pid in pids:
            link.execute("SELECT pg_terminate_backend(%s)", (pid,))


def test_it_sends_the_first_value_at_once(out, ear):
    out.put("vm:1", "changed", None)
    out.flush()
    heard(ear, timeout=0.2)
    before = time.monotonic()
    out.put("vm:1", "figures", {"cpu_percent": 1})
    assert heard(ear, stop_after=1) == [("vm:1", "figures", {"cpu_percent": 1})]
    assert time.monotonic() - before < 0.05 + 0.2  # a beat would be over only with a busy machine


def test_it_merges_what_follows_within_a_beat_and_the_newest_wins(out, ear):
    out.put("vm:9", "changed", None)
    time.sleep(0.02)  # the first is on its way: the beat runs
    for number in range(50):
        out.put("vm:1", "figures", {"cpu_percent": number})
        out.put("vm:1", "figures", {"rss_bytes": number * 2})
    assert out.flush()
    entries = heard(ear, timeout=0.3)
    of_one = [data for topic, _, data in entries if topic == "vm:1"]
    assert len(of_one) <= 3
    newest = {}
    for data in of_one:
        newest.update(data)
    assert newest == {"cpu_percent": 49, "rss_bytes": 98}


def test_it_sends_at_most_one_frame_a_beat(out, ear):
    give_up = time.monotonic() + 1.0
    while time.monotonic() < give_up:
        out.put("vm:1", "figures", {"cpu_percent": time.monotonic()})
        time.sleep(0.002)
    out.flush()
    count = len(list(ear.notifies(timeout=0.3)))
    assert 2 <= count <= 1.0 / feed.BEAT_S + 3


def test_it_keeps_what_was_taken_when_the_connection_broke(out, ear):
    out.put("vm:1", "changed", None)
    assert out.flush()
    heard(ear, timeout=0.1)
    pids = backend_of("godwit feed")
    assert pids
    end_backends(pids)
    out.put("vm:2", "changed", None)
    out.put("vm:3", "figures", {"cpu_percent": 7})
    assert out.flush(timeout_s=5)
    assert set(map(str, heard(ear, timeout=0.3))) == {
        "('vm:2', 'changed', None)",
        "('vm:3', 'figures', {'cpu_percent': 7})",
    }


def test_it_gives_back_older_values_under_newer_ones(out):
    out._newest = {("vm:1", "figures"): {"cpu_percent": 2}}
    out.give_back([("vm:1", "figures", {"cpu_percent": 1, "rss_bytes": 5}), ("vm:2", "changed", None)])
    assert out.take() == [("vm:1", "figures", {"cpu_percent": 2, "rss_bytes": 5}), ("vm:2", "changed", None)]
    assert out.take() == []


def test_it_becomes_one_read_everything_when_too_much_waits(out, monkeypatch):
    monkeypatch.setattr(feed, "MOST_KEYS", 10)
    for pk in range(11):
        out._merge((f"vm:{pk}", "changed"), None)
    assert out.take() == [(feed.EVERYTHING, "changed", None)]


def test_it_says_changed_only_after_the_commit(ear):
    with transaction.atomic():
        feed.changed("vm", 77)
        assert heard(ear, timeout=0.2) == []
    assert heard(ear, stop_after=1) == [("vm:77", "changed", None)]


def test_it_says_nothing_of_what_was_rolled_back(ear):
    with transaction.atomic():
        feed.changed("vm", 78)
        transaction.set_rollback(True)
    assert heard(ear, timeout=0.2) == []


def test_it_sends_what_waits_when_it_is_closed_and_lives_on_after(out, ear):
    out.put("vm:1", "changed", None)
    out.put("vm:2", "changed", None)
    out.close()
    assert {topic for topic, _, _ in heard(ear, timeout=0.3)} == {"vm:1", "vm:2"}
    out.put("vm:3", "changed", None)
    assert heard(ear, stop_after=1) == [("vm:3", "changed", None)]


def test_it_keeps_no_connection_after_close(out):
    others = set(backend_of("godwit feed"))  # a web process of other tests may have one
    out.put("vm:1", "changed", None)
    out.flush()
    assert set(backend_of("godwit feed")) - others
    out.close()
    patience = time.monotonic() + 10  # the server takes a moment to see that a client left
    while set(backend_of("godwit feed")) - others and time.monotonic() < patience:
        time.sleep(0.05)
    assert not set(backend_of("godwit feed")) - others
