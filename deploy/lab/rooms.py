"""A host's room: private folders, its own names, and the process that holds its namespaces open."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from deploy.lab.machine import LabError, await_true, detach, lines, text_of, write
from deploy.lab.plan import HostPlan, LabPlan
from deploy.lab.processes import Recorded, command_line, inside

INIT = Path(__file__).parent / "host_init.sh"
FOLDERS = ("etc/libvirt", "var/lib/libvirt", "var/log/libvirt", "var/cache/libvirt", "run/libvirt", "run/lock")
# The QEMU driver refuses to start on a machine without this user; only the lab's hosts see it.
USER = "libvirt-qemu:x:64055:64055:lab:/var/lib/libvirt:/usr/sbin/nologin"
GROUP = "libvirt-qemu:x:64055:"


def furnish(plan: LabPlan, host: HostPlan) -> None:
    """Write the host's private folders and files."""
    for folder in FOLDERS:
        host.root.joinpath(folder).mkdir(parents=True, exist_ok=True)
    others = [f"{other.address} {other.hostname} {other.name}" for other in plan.hosts]
    write(host.root / "etc/hosts", lines("127.0.0.1 localhost", *others, f"{plan.address} machine.{plan.name}.lab"))
    write(host.root / "etc/passwd", _with_line(Path("/etc/passwd"), USER))
    write(host.root / "etc/group", _with_line(Path("/etc/group"), GROUP))


def _with_line(path: Path, line: str) -> str:
    text = path.read_text()
    name = line.split(":")[0]
    if any(row.startswith(f"{name}:") for row in text.splitlines()):
        return text
    return text.rstrip("\n") + f"\n{line}\n"


def holder_of(host: HostPlan) -> Recorded | None:
    """The living holder of this host's namespaces, or None."""
    recorded = Recorded.load(host.root / "holder")
    return recorded if recorded and recorded.alive() else None


def open_room(host: HostPlan) -> Recorded:
    """Start the holder of the host's namespaces unless it is there; it is PID 1 of the host."""
    if found := holder_of(host):
        return found
    pid_file = host.root / "pid"
    pid_file.unlink(missing_ok=True)
    log = host.root / "init.log"
    command = [
        *("nsenter", f"--net=/run/netns/{host.netns}"),
        *("unshare", "--mount", "--uts", "--pid", "--fork", "--propagation", "slave"),
        *("sh", str(INIT), str(host.root), host.hostname),
    ]
    detach(*command, log=log)
    try:
        await_true("its namespaces", pid_file.exists, timeout_s=10)
    except LabError as exc:
        raise LabError(f"host {host.name}: {exc}: {text_of(log).strip()}") from exc
    holder = Recorded.of(int(pid_file.read_text()))
    if holder is None:
        raise LabError(f"host {host.name} ended at once: {text_of(log).strip()}")
    holder.save(host.root / "holder")
    return holder


def close_room(host: HostPlan) -> None:
    """End the host as a power cut would: the kernel ends everything in its PID namespace with PID 1."""
    holder = holder_of(host)
    if holder is None:
        return
    # A stopped process still dies of SIGKILL; nothing in there can refuse.
    rest = [found for pid in inside(holder.pid) if (found := Recorded.of(pid))]
    holder.kill()
    await_true(f"host {host.name} to end", lambda: not any(each.alive() for each in rest), timeout_s=10)
    host.root.joinpath("holder").unlink(missing_ok=True)


def clear_run(host: HostPlan) -> None:
    """After a power cut /run is empty again, as a tmpfs would be."""
    shutil.rmtree(host.root / "run", ignore_errors=True)
    for folder in FOLDERS:
        host.root.joinpath(folder).mkdir(parents=True, exist_ok=True)


def enter(host: HostPlan, *command: str) -> list[str]:
    """The words of a command that runs inside the host."""
    holder = holder_of(host)
    if holder is None:
        raise LabError(f"host {host.name} is off")
    target = ["nsenter", "--target", str(holder.pid), "--mount", "--uts", "--net", "--pid", "--wd=/"]
    return [*target, "--", *command]


def processes(host: HostPlan, program: str) -> list[int]:
    """The machine's pids of a program that runs in this host, by the file name of its first word."""
    holder = holder_of(host)
    pids = inside(holder.pid) if holder else []
    return [pid for pid in pids if Path(command_line(pid)[0]).name == program]


def send(host: HostPlan, program: str, number: signal.Signals) -> int:
    """Send a signal to a program of this host; return how many got it."""
    return sum(found.send(number) for pid in processes(host, program) if (found := Recorded.of(pid)))
