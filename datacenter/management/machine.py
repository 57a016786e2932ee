"""What `up` asks the machine: a free port, another `up` in this clone, a page that answers, files that changed."""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS_TO_TRY = 100


class AlreadyRunning(Exception):
    """Another `up` runs in this clone; the message says where."""


@contextlib.contextmanager
def only_one(var: Path) -> Iterator[Path]:
    """Be the only `up` of this clone; gives the file in which to write where we run. AlreadyRunning otherwise."""
    notice = var / "up.json"
    with (var / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(_where(notice)) from None
        notice.unlink(missing_ok=True)
        try:
            yield notice
        finally:
            notice.unlink(missing_ok=True)


def _where(notice: Path) -> str:
    try:
        said = json.loads(notice.read_text())
    except (OSError, ValueError):
        return "Godwit is being started here by another process already."
    return (
        f"Godwit is running here already: {said['url']} (process {said['pid']}; Ctrl-C there, or kill {said['pid']})."
    )


def free_port(wanted: int) -> int:
    """The wanted port, or the next one that is free; OSError when a hundred are taken."""
    for port in range(wanted, min(wanted + PORTS_TO_TRY, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn: old connections are no obstacle
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return port
    raise OSError(f"no port is free from {wanted} on")


async def answers(port: int, path: str = "/healthz") -> bool:
    """Whether a page answers with 200."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {LOOPBACK}:{port}\r\n\r\n".encode())
            status = await reader.readline()
            writer.close()
            return b" 200 " in status
    except (OSError, TimeoutError):
        return False


def fingerprint(root: Path, patterns: Iterable[str], *, content: bool) -> str:
    """A hash of the files that match: by their content, or quicker, by name, size and time of change."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_file():
                found = path.stat()
                said = path.read_bytes() if content else f"{found.st_size} {found.st_mtime_ns}".encode()
                digest.update(os.fsencode(path.relative_to(root)) + b"\0" + said + b"\0")
    return digest.hexdigest()
