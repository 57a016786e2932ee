"""A real guest's memory by TLS, with certificates that the lab makes: it …"""

import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.lab import Lab
from deploy.lab.certificates import certify, forget
from hosts.livemigration.request import request_migration
from hosts.models import VM, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import LabPlace, walk

pytestmark = pytest.mark.lab

LIGHT: dict[str, Any] = {"memory_mb": 128, "dirty_mb": 16, "dirty_rate": 6, "pattern": "random"}

#: prints the first bytes of whatever is sent first to each port from 49152 on (QEMU's), until its input is closed
_WIRE = """
import select, socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
print("ready", flush=True)
seen = set()
while not select.select([sys.stdin], [], [], 0)[0]:
    if not select.select([wire, sys.stdin], [], [], 1)[0]:
        continue
    packet = wire.recv(65535)
    if packet[9] != 6:
        continue
    tcp = packet[(packet[0] & 15) * 4:]
    source, port, said = tcp[0:2], int.from_bytes(tcp[2:4], "big"), tcp[(tcp[12] >> 4) * 4:]
    if port >= 49152 and int.from_bytes(source, "big") > 1024 and said and (source, port) not in seen:
        seen.add((source, port))
        print(port, said[:8].hex(), flush=True)
"""


class Wire:
    """Listens on the destination's network."""

    def __init__(self, lab: Lab, host: str) -> None:
        netns = next(each.netns for each in lab.plan.hosts if each.name == host)
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", netns, sys.executable, "-c", _WIRE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], 60)[0], "it never began to listen"
        self._process.stdout.readline()

    def said(self) -> list[bytes]:
        """The first bytes of each connection to a port of QEMU's, as the hosts sent them."""
        out, _ = self._process.communicate("end\n", timeout=30)
        return [bytes.fromhex(line.split()[1]) for line in out.splitlines()]


@pytest.fixture
def certified(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """h1 and h2 have certificates of one CA, whose folder this is."""
    hosts = [each for each in lab.plan.hosts if each.name in ("h1", "h2")]
    certify(hosts, tmp_path / "ca")
    _restart(lab)
    yield tmp_path / "ca"
    forget(hosts)
    _restart(lab)


def _restart(lab: Lab) -> None:
    for name in ("h1", "h2"):
        lab.kill_daemon(name)
    for name in ("h1", "h2"):
        lab.start_daemon(name)


def moved(lab_place: LabPlace, vm: VM, *, tls: bool) -> Migration:
    migration = request_migration(vm, lab_place.hosts["h2"], actor="ann", tls=tls)
    supervisor = lab_place.supervise(migration)
    walk(supervisor, seconds=120)
    supervisor.close()
    return Migration.objects.get(pk=migration.pk)


def test_it_moves_a_guest_and_nothing_on_the_wire_can_be_read(lab: Lab, certified: Path, lab_place: LabPlace) -> None:
    vm, wire = lab_place.guest("veiled", **LIGHT), Wire(lab, "h2")
    migration = moved(lab_place, vm, tls=True)
    said = wire.said()
    assert migration.state == MigrationState.DONE, migration.because
    assert migration.tls
    assert lab.running_on("veiled") == ["h2"]
    lab.await_beat("veiled")
    assert said, "the memory's connection was seen"
    assert all(each[:2] == b"\x16\x03" for each in said), "every connection opens with TLS's handshake"


def test_the_same_guest_without_it_is_there_for_all_to_read(lab: Lab, certified: Path, lab_place: LabPlace) -> None:
    """That the test before could fail: QEMU's stream begins with its own mark."""
    vm, wire = lab_place.guest("open", **LIGHT), Wire(lab, "h2")
    migration = moved(lab_place, vm, tls=False)
    assert migration.state == MigrationState.DONE, migration.because
    assert b"QEVM" in [each[:4] for each in wire.said()]


def test_a_destination_of_another_ca_is_refused_and_the_guest_stays(
    lab: Lab, certified: Path, lab_place: LabPlace, tmp_path: Path
) -> None:
    stranger = [each for each in lab.plan.hosts if each.name == "h2"]
    certify(stranger, tmp_path / "another")
    vm = lab_place.guest("wary", **LIGHT)
    migration = moved(lab_place, vm, tls=True)
    assert migration.state == MigrationState.FAILED
    assert "certificate" in migration.because.lower() or "tls" in migration.because.lower(), migration.because
    assert lab.running_on("wary") == ["h1"]
    lab.await_beat("wary")
