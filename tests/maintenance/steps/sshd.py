"""Debian's own SSH server on a free port of the loopback, with keys of its own in a temporary folder."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:" + os.environ.get("PATH", ""))


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return path


@dataclass
class Sshd:
    """A server, and the client key that it takes."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def client_key(self) -> Path:
        return self.folder / "client"

    @property
    def host_key(self) -> str:
        """Its public key as known_hosts has it: kind and base64."""
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    @property
    def known_host(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.host_key}\n"

    def drop_sessions(self) -> None:
        """Its sessions die at once, as if the machine were gone."""
        for pid in children(self.process.pid):
            for grandchild in children(pid):
                os.kill(grandchild, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Direct children that are sshd's own: the commands they run are not among them."""
    found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    rows = [line.split(None, 1) for line in found.stdout.splitlines()]
    return [int(row[0]) for row in rows if "sshd" in row[1]]


@contextmanager
def serve(folder: Path, *, port: int | None = None) -> Iterator[Sshd]:
    """Start one in ``folder``; its keys are made anew unless they are there."""
    assert SSHD, "no sshd: apt install openssh-server (deploy/apt/test.txt)"
    folder.mkdir(exist_ok=True, parents=True)
    for name in ("host", "client"):
        if not (folder / name).exists():
            make_key(folder / name)
    (folder / "authorized_keys").write_text((folder / "client.pub").read_text())
    port = port or free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stderr=log)
    try:
        _await_port(port, process, folder / "log")
        yield Sshd(folder=folder, port=port, process=process)
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def user() -> str:
    return getpass.getuser()
