"""A host's libvirtd: its configuration, start, and end."""

from __future__ import annotations

import shutil
import signal
import socket
from pathlib import Path

from deploy.lab.machine import LabError, await_true, detach, lines, run, text_of, write
from deploy.lab.plan import TCP_PORT, HostPlan, cache_folder
from deploy.lab.rooms import enter, processes, send

PROGRAM = "libvirtd"
START_S = 60
CAPABILITIES = "var/cache/libvirt/qemu/capabilities"


def configure(host: HostPlan) -> None:
    """Write libvirtd.conf and qemu.conf. No TLS and no login: only the lab's own network reaches this address."""
    write(
        host.root / "etc/libvirt/libvirtd.conf",
        lines(
            "listen_tls = 0",
            "listen_tcp = 1",
            f'listen_addr = "{host.address}"',
            f'tcp_port = "{TCP_PORT}"',
            'auth_tcp = "none"',
            'auth_unix_rw = "none"',
            'unix_sock_group = "root"',
            f'host_uuid = "{host.host_uuid}"',
            # A silent peer is given up after interval x (count + 1) = 4 s, not 30 s (migration.md, finding 9).
            "keepalive_interval = 1",
            "keepalive_count = 3",
            'log_outputs = "2:file:/var/log/libvirt/libvirtd.log"',
        ),
    )
    write(
        host.root / "etc/libvirt/qemu.conf",
        lines(
            'user = "root"',
            'group = "root"',
            'security_driver = "none"',
            "dynamic_ownership = 0",
            "remember_owner = 0",
            "cgroup_controllers = []",
            "namespaces = []",
            'stdio_handler = "file"',
            f'migration_host = "{host.address}"',
            f'migration_address = "{host.address}"',
            "keepalive_interval = 1",
            "keepalive_count = 3",
            'vnc_listen = "0.0.0.0"',
        ),
    )


def lend_capabilities(host: HostPlan) -> None:
    """Give a new host what an earlier one learnt of QEMU: probing takes it a second of CPU.

    libvirt checks the times of both binaries, the kernel and the CPU before it believes such a file.
    """
    kept = cache_folder() / "capabilities"
    if kept.exists():
        shutil.copytree(kept, host.root / CAPABILITIES, dirs_exist_ok=True)


def keep_capabilities(root: Path) -> None:
    """Keep what the host in this folder has learnt of QEMU for those to come."""
    learnt = root / CAPABILITIES
    if learnt.exists():
        shutil.copytree(learnt, cache_folder() / "capabilities", dirs_exist_ok=True)


def running(host: HostPlan) -> bool:
    return bool(processes(host, PROGRAM))


def launch(host: HostPlan) -> None:
    """Start the host's daemon unless it runs; does not wait for its first answer."""
    if running(host):
        return
    # libvirtd's own --daemon waits until every guest is reconnected: in the background a hung guest can't hold us.
    # Forked inside, it is a child of the host's PID 1: nsenter as its parent would stop with it at a SIGSTOP, for good.
    detach(*enter(host, "setsid", "--fork", PROGRAM, "--listen"), log=host.root / "start.log")


def await_answer(host: HostPlan, *, timeout_s: float = START_S) -> None:
    """Wait until the daemon listens and serves a connection."""
    try:
        await_true(f"libvirtd of {host.name}", lambda: listens(host), timeout_s=timeout_s)
        run("virsh", "-q", "-c", host.uri, "list", "--name", timeout_s=timeout_s)
    except LabError as exc:
        complaint = text_of(host.root / "start.log").strip()
        raise LabError(f"{exc}{': ' + complaint if complaint else ''}") from exc


def listens(host: HostPlan) -> bool:
    try:
        socket.create_connection((host.address, TCP_PORT), timeout=1).close()
    except OSError:
        return False
    return True


def stop(host: HostPlan, *, by: signal.Signals = signal.SIGKILL, timeout_s: float = 10) -> None:
    """End the daemon, and only the daemon: the guests run on, as they do on a real host."""
    send(host, PROGRAM, signal.SIGCONT)
    send(host, PROGRAM, by)
    await_true(f"libvirtd of {host.name} to end", lambda: not running(host), timeout_s=timeout_s)
    # A thread that dies late still holds the port: the next daemon could not have it, and would be taken for this one.
    await_true(f"the port of {host.name} to close", lambda: not listens(host), timeout_s=timeout_s)
    # Killed, it leaves its pid file; the next one takes it over, but a sweep is what a service manager does as well.
    Path(host.root / "run/libvirtd.pid").unlink(missing_ok=True)
