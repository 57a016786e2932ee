"""Starting, watching and ending processes, so that none outlives the one that started it.

Linux only: a child asks the kernel to be ended with its parent (``prctl``), and a process that is no child of ours is
watched through a pidfd. Start children from the main thread: the kernel takes the death of the starting *thread* for
the parent's.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LARGE_LOG_BYTES = 10_000_000

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom a process runs as."""

    uid: int
    gid: int


def open_log(path: Path) -> IO[bytes]:
    """Open a log to append to; what has grown large is moved to ``<name>.1`` first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGE_LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


def last_line(path: Path, *, width: int = 200) -> str:
    """The last line of a log that says something, cut to ``width`` characters; empty when there is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
        return next((line[:width] for line in reversed(lines) if line), "")
    return ""


def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes] | int,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own, that gets ``death_signal`` when we die in whatever way.

    The group keeps a terminal's Ctrl-C from the child: we end children in order, ourselves.
    """
    parent = os.getpid()

    def tie() -> None:
        # Runs after the change of user, as it must: that change would take the death signal away again.
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        process_group=0,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=tie,  # no thread of ours runs here, and tie() takes no lock
    )


async def ended(pid: int) -> None:
    """Wait until a process, child or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, over)
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def exit_code(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child without a thread; minus the signal's number where one ended it."""
    await ended(child.pid)
    return child.wait()


async def end(pid: int, *, first: signal.Signals = signal.SIGTERM, patience: float) -> bool:
    """Ask a process to end; after ``patience`` seconds kill it. True when it ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, first)
        try:
            await asyncio.wait_for(ended(pid), patience)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            await ended(pid)
            return False
    return True
