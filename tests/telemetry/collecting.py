"""Help for the tests of the collector: run one, wait for something, name rows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import connections

from hosts.models import VM, Host
from hosts.states import HostState
from hosts.telemetry.collector import Collector
from hosts.telemetry.listener import Pace
from hosts.virt.clock import WALL
from tests.factory import make_host

#: as in production, but nobody waits half a minute in a test
FAST = Pace(
    beat_s=0.8, poll_s=0.1, ttl_s=6.0, deadline_s=0.5, non_responsive_s=1.5, retry_first_s=0.2, retry_most_s=0.5
)
#: for tests that show that something comes by an event: no beat helps
NO_BEAT = replace(FAST, beat_s=600.0, non_responsive_s=60.0)


def until(true: Callable[[], object], *, seconds: float = 30.0, what: str = "") -> None:
    """Wait until ``true()``; AssertionError after so many seconds: a bound for a machine that is very busy."""
    end = WALL.monotonic() + seconds
    while not true():
        assert WALL.monotonic() < end, f"not within {seconds:g} s: {what or 'what was waited for'}"
        WALL.sleep(0.02)


@contextmanager
def collecting(pace: Pace = FAST) -> Iterator[Collector]:
    """A collector that runs until the block ends."""
    collector = Collector(pace)

    def run() -> None:
        try:
            collector.run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name="collector")
    thread.start()
    try:
        yield collector
    finally:
        collector.stop()
        thread.join(30)
        assert not thread.is_alive()


def add(*names: str) -> list[Host]:
    """Rows for simulated hosts, as somebody just added them."""
    unknown = dict.fromkeys(("uuid", "cpus", "answered_at", "cpu_percent", "memory_free_bytes"))
    return [make_host(name, state="connecting", **unknown) for name in names]


def host(name: str) -> Host:
    return Host.objects.get(name=name)


def vm(name: str) -> VM:
    return VM.objects.select_related("host").get(name=name)


def is_up(name: str) -> Callable[[], bool]:
    return lambda: host(name).state == HostState.UP


def all_up(*names: str) -> None:
    """Wait until these hosts are up."""
    for name in names:
        until(is_up(name), what=f"{name} up")
