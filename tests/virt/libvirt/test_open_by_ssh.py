"""qemu+ssh as libvirt really runs it, with an ssh of ours first in PATH that plays the far end."""

import os
import sys
import time
from pathlib import Path

import pytest

from deploy.lab import Lab
from hosts.virt.connect import connect
from hosts.virt.errors import AccessRefused, HostTimeout, HostUnreachable
from hosts.virt.libvirt.deadline import abandoned_threads
from tests.contract.conftest import wait_until

_PIPE = """
import os, socket, sys, threading
far = socket.create_connection((sys.argv[1], 16509))
def back():
    while data := far.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    far.sendall(data)
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first in PATH; what is written to its ``ssh`` is run in ssh's stead."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def _ssh(folder: Path, script: str) -> None:
    (folder / "ssh").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/arguments\n{script}\n')
    (folder / "ssh").chmod(0o755)


@pytest.mark.lab
def test_it_reads_a_host_and_gives_ssh_what_keeps_it_from_asking_and_hanging(lab: Lab, play: Path) -> None:
    (play / "pipe.py").write_text(_PIPE)
    _ssh(play, f"exec {sys.executable} {play}/pipe.py {lab.hosts['h1'].address}")
    driver = connect("qemu+ssh://root@h1.example:2222/system", deadline_s=5)
    try:
        assert driver.host_facts().uuid == lab.hosts["h1"].host_uuid
    finally:
        driver.close()
    arguments = (play / "arguments").read_text().split("\n")
    for wanted in ("BatchMode=yes", "ConnectTimeout=8", "ServerAliveInterval=5", "h1.example", "2222", "root"):
        assert wanted in arguments
    assert not any("StrictHostKeyChecking" in each for each in arguments)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("root@h1: Permission denied (publickey,password).", AccessRefused),
        ("Host key verification failed.", AccessRefused),
        ("ssh: connect to host h1 port 22: Connection timed out", HostUnreachable),
        ("ssh: Could not resolve hostname h1: Name or service not known", HostUnreachable),
    ],
)
def test_it_understands_what_ssh_says(play: Path, said: str, means: type[Exception]) -> None:
    _ssh(play, f'echo "{said}" >&2; exit 255')
    with pytest.raises(means, match=said.partition(":")[0][:10]):
        connect("qemu+ssh://h1/system", deadline_s=5)


def test_an_ssh_that_hangs_costs_the_deadline(play: Path) -> None:
    before = abandoned_threads()
    _ssh(play, "exec sleep 3")
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        connect("qemu+ssh://h2.example/system", deadline_s=1)
    assert time.monotonic() - began < 1.5
    wait_until(lambda: abandoned_threads() == before, "the thread comes back with its ssh")
