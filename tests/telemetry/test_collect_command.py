"""`manage.py collect` as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.models import Host
from hosts.states import HostState
from hosts.virt.clock import WALL
from tests.database import database_url
from tests.factory import make_host
from tests.telemetry.collecting import until

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]


def test_it_reads_a_libvirt_host_and_ends_at_once_and_gives_it_back() -> None:
    make_host("test", uri="test:///default", uuid=None, state="connecting")
    environment = {**os.environ, "DATABASE_URL": database_url()}
    process = subprocess.Popen([sys.executable, "manage.py", "collect"], cwd=ROOT, env=environment)
    try:
        until(lambda: Host.objects.get().state == HostState.UP, what="up")
        assert Host.objects.get().vms.get().name == "test"
        assert Host.objects.get().lease_holder
        asked = WALL.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert WALL.monotonic() - asked < 9.0  # not for as long as a call may take
        assert Host.objects.get().lease_holder == ""
    finally:
        process.kill()
        process.wait()
