"""What this machine can; running commands; waiting with a deadline."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = Path(__file__).parent.parent / "apt" / "lab.txt"

# A program of each package: what the lab really calls.
PROGRAMS = {
    "ip": "iproute2",
    "bridge": "iproute2",
    "tc": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setsid": "util-linux",
    "losetup": "mount",
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "gcc": "gcc",
    "dpkg": "dpkg",
}
QEMU_DRIVER = "libvirt/connection-driver/libvirt_driver_qemu.so"


class LabError(Exception):
    """The lab could not do what was asked; the text says what and why."""


def run(*command: str | Path, check: bool = True, timeout_s: float = 60, cwd: Path | None = None) -> str:
    """Run a command and return its standard output; raise LabError with its complaint if it fails."""
    words = [str(word) for word in command]
    env = {**os.environ, "LC_ALL": "C", "PATH": search_path()}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, env=env, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(words)}: no answer within {timeout_s:g} s") from None
    except OSError as exc:
        raise LabError(f"{words[0]}: {exc.strerror}") from exc
    if check and done.returncode:
        raise LabError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def detach(*command: str, log: Path) -> None:
    """Start a command as nobody's child and in no terminal's session; its output goes to a file."""
    # The shell redirects before setsid forks: otherwise the caller would wait for a pipe the daemon keeps open.
    run("sh", "-c", f"exec > {shlex.quote(str(log))} 2>&1; exec setsid --fork {shlex.join(command)}", cwd=Path("/"))


def search_path() -> str:
    """PATH with the folders of system programs: an ordinary shell's PATH may lack them."""
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def why_not() -> str | None:
    """Say in one line why a lab can't be made here, or return None."""
    if sys.platform != "linux":
        return f"the lab needs Linux, this is {sys.platform}"
    if os.uname().machine != "x86_64":
        return f"the lab's guests need an x86_64 machine, this is {os.uname().machine}"
    if os.geteuid() != 0:
        return "the lab needs root (try sudo): it makes network and mount namespaces"
    return _missing_packages() or _no_namespaces()


def _missing_packages() -> str | None:
    missing = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=search_path())}
    if not any(
        folder.joinpath(QEMU_DRIVER).exists() for folder in (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"))
    ):
        missing.add("libvirt-daemon-driver-qemu")
    if missing:
        return f"the lab lacks packages: apt-get install --no-install-recommends {' '.join(sorted(missing))}"
    return None


def _no_namespaces() -> str | None:
    try:
        run("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "true", timeout_s=10)
    except LabError as exc:
        return f"no namespaces can be made here: {exc}"
    return None


def await_true(what: str, ready: Callable[[], bool], *, timeout_s: float, every_s: float = 0.02) -> None:
    """Ask `ready` until it says yes; raise LabError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file: one `up`, `down` or fixture at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on an existing folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(path: Path, text: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def lines(*words: str) -> str:
    """Join lines of a configuration file."""
    return "\n".join(words) + "\n"


def text_of(path: Path) -> str:
    """Read a small file; an absent one is empty."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def remove(paths: Sequence[Path]) -> None:
    """Remove folders with all they hold; absent ones are fine."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
