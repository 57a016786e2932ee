"""What real hosts do to a driver: silence, hung guests, many threads, odd names."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.lab import Lab
from deploy.lab.plan import guest_uuid
from hosts.virt.connect import connect
from hosts.virt.errors import HostLost, HostTimeout
from hosts.virt.libvirt.deadline import abandoned_threads
from hosts.virt.records import DomainState
from tests.contract.conftest import wait_until

pytestmark = pytest.mark.lab

DEADLINE_S = 3.0
#: 5 s between keepalives, three unanswered, and the period in which the silence began
KEEPALIVE_ENDS_S = 25.0


def test_a_host_whose_packets_are_dropped_costs_the_deadline_for_a_call_and_for_opening(lab: Lab) -> None:
    driver = connect(lab.hosts["h1"].uri, deadline_s=DEADLINE_S)
    driver.host_stats()
    lab.drop("h1")
    for ask in (driver.host_stats, lambda: connect(lab.hosts["h1"].uri, deadline_s=DEADLINE_S)):
        began = time.monotonic()
        with pytest.raises(HostTimeout):
            ask()
        assert time.monotonic() - began < DEADLINE_S + 0.5
    driver.close()
    lab.mend("h1")
    again = connect(lab.hosts["h1"].uri, deadline_s=DEADLINE_S)
    assert again.host_stats().memory_total_bytes
    again.close()


# In a process of its own: what it guards against is a crash of the whole process (CVE-2024-4418, see deadline.py).
_MANY_THREADS_AND_A_FROZEN_DAEMON = """
import sys, threading, time
from hosts.virt.connect import connect
from hosts.virt.errors import HostLost
from hosts.virt.libvirt.deadline import abandoned_threads

driver = connect(sys.argv[1], deadline_s=3.0)
driver.subscribe(lambda event: print(event.kind, flush=True))
failed = []

def ask():
    while True:
        try:
            driver.host_stats()
        except HostLost as exc:
            failed.append(exc)
            return

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
time.sleep(1)
print("freeze", flush=True)
for thread in threads:
    thread.join(15)
assert len(failed) == 8, failed
assert abandoned_threads() == 1
driver.close()
end = time.monotonic() + 40
while abandoned_threads() and time.monotonic() < end:
    time.sleep(0.1)
print("abandoned", abandoned_threads(), flush=True)
time.sleep(1)
print("alive", flush=True)
"""


def test_many_threads_on_a_daemon_that_freezes_all_fail_in_time_and_nothing_crashes(lab: Lab) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MANY_THREADS_AND_A_FROZEN_DAEMON, lab.hosts["h1"].uri],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "freeze\n"
        lab.stop_daemon("h1")
        said = process.stdout.read().split("\n")
    assert process.returncode == 0
    assert said == ["connection_lost", "abandoned 0", "alive", ""]


def test_many_threads_on_one_connection_get_their_answers_while_events_come(lab: Lab) -> None:
    lab.guest("many")
    driver = connect(lab.hosts["h1"].uri, deadline_s=10)
    events: list[object] = []
    driver.subscribe(events.append)

    def ask(number: int) -> int:
        return len(driver.domains() if number % 3 else driver.domain_stats())

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(ask, range(300))
        for _ in range(5):
            lab.virsh("h1", "suspend many; resume many")
        assert set(answers) == {1}
    wait_until(lambda: len(events) >= 10, "all events come")
    driver.close()


def test_a_hung_guest_does_not_hide_its_host_for_longer_than_one_reopening(lab: Lab) -> None:
    lab.guest("hung")
    lab.guest("well")
    lab.freeze_guest("hung")
    try:
        rows = _stats_in_spite(lab.hosts["h1"].uri, attempts=3)
        assert rows == {"hung", "well"}
    finally:
        lab.freeze_guest("hung", thaw=True)
    wait_until(lambda: abandoned_threads() == 0, "hung calls come back", timeout_s=KEEPALIVE_ENDS_S)


def _stats_in_spite(uri: str, *, attempts: int) -> set[str]:
    for _ in range(attempts):
        driver = connect(uri, deadline_s=DEADLINE_S)
        try:
            return {row.name for row in driver.domain_stats()}
        except HostTimeout:
            continue
        finally:
            driver.close()
    raise AssertionError("a hung guest hid its host")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "שלום", "🦆 duck", "a;b'c\"d", "x" * 200])
def test_a_guest_of_any_name_is_shown(lab: Lab, tmp_path: Path, name: str) -> None:
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    uuid = guest_uuid(lab.plan.name, name)
    xml = tmp_path / "odd.xml"
    xml.write_text(
        f"<domain type='qemu'><name>{escaped}</name><uuid>{uuid}</uuid><memory>65536</memory>"
        "<os><type arch='x86_64'>hvm</type></os></domain>"
    )
    lab.virsh("h2", f"define {xml}")
    driver = connect(lab.hosts["h2"].uri, deadline_s=DEADLINE_S)
    try:
        assert [domain.name for domain in driver.domains()] == [name]
        assert [row.name for row in driver.domain_stats()] == [name]
        odd = driver.domain(uuid)
        assert (odd.disks, odd.nics, odd.status.state) == ((), (), DomainState.SHUTOFF)
    finally:
        driver.close()
        lab.virsh("h2", "undefine", uuid)


def test_a_guest_that_another_tool_moves_is_told_on_both_hosts(lab: Lab) -> None:
    lab.guest("walker")
    lab.await_beat("walker", timeout_s=60)
    drivers = {host: connect(lab.hosts[host].uri, deadline_s=DEADLINE_S) for host in ("h1", "h2")}
    heard: list[tuple[str, str]] = []
    for host, driver in drivers.items():
        driver.subscribe(lambda event, host=host: heard.append((host, event.detail)))  # type: ignore[misc]
    lab.migrate("walker", "h1", "h2")
    wait_until(lambda: ("h1", "stopped/migrated") in heard, "the source tells")
    wait_until(lambda: ("h2", "resumed/migrated") in heard, "the destination tells")
    for driver in drivers.values():
        driver.close()


def test_a_restarted_daemon_is_a_lost_connection_and_a_new_one_finds_the_same_guest(lab: Lab) -> None:
    lab.guest("stays")
    driver = connect(lab.hosts["h1"].uri, deadline_s=DEADLINE_S)
    before = driver.domains()
    lab.kill_daemon("h1")
    wait_until(lambda: not driver.alive(), "the loss is noticed")
    with pytest.raises(HostLost):
        driver.domains()
    driver.close()
    lab.start_daemon("h1")
    again = connect(lab.hosts["h1"].uri, deadline_s=10)
    try:
        assert [domain.uuid for domain in again.domains()] == [domain.uuid for domain in before]
    finally:
        again.close()
