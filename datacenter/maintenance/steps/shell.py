"""One command on one host over SSH, as a plain thread sees it: read what it prints, end it, learn how it ended."""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass

import asyncssh

from datacenter.maintenance.steps.keys import Target
from datacenter.maintenance.steps.login import log_in
from datacenter.maintenance.steps.loop import submit
from datacenter.maintenance.steps.troubles import ShellTrouble, Unreachable

CONNECT_S = 15.0
#: asked to end (SIGTERM), a command has so long until it is killed
_GRACE_S = 5.0
#: children that were left behind may hold the streams open; so long after its end nobody waits for more
_LINGER_S = 2.0
_PIECE = 32 << 10
#: what nobody has read yet: the oldest goes first
_MOST_UNREAD = 256 << 10
#: after so much it rests for a moment: a command that floods us gets 10 MiB/s
_GULP = 1 << 20
_REST_S = 0.1
#: run in a second session of the same connection: the other children of its sshd, each the leader of a group
_SIGNAL = "for p in $(pgrep -P $PPID); do [ $p = $$ ] || kill -s {signal} -- -$p; done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended. ``trouble``: it was never begun. Neither status nor signal: whether it has ended is not known."""

    exit_status: int | None = None
    signal: str = ""
    trouble: ShellTrouble | None = None
    lost: str = ""  # why the connection went while it ran

    @property
    def known(self) -> bool:
        return self.exit_status is not None or bool(self.signal)


class Run:
    """A command under way; thread-safe. Begins at once."""

    def __init__(self, target: Target, command: str, *, connect_s: float = CONNECT_S) -> None:
        self._target, self._command, self._connect_s = target, command, connect_s
        self._news = threading.Condition()
        self._pieces: deque[tuple[str, bytes]] = deque()
        self._unread = 0
        self._connection: asyncssh.SSHClientConnection | None = None
        self.outcome: Outcome | None = None
        self._future = submit(self._go())

    def read(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """What was printed since, as (stream, bytes); waits for it at most that long. Empty: nothing came."""
        with self._news:
            self._news.wait_for(lambda: bool(self._pieces) or self.outcome is not None, timeout_s)
            pieces = list(self._pieces)
            self._pieces.clear()
            self._unread = 0
            return pieces

    def end(self) -> Outcome:
        """Ask it to end, insist, and close. The outcome says whether its end was seen."""
        try:
            submit(self._stop()).result(timeout=4 * _GRACE_S + 2.0)
        except TimeoutError:
            self._future.cancel()
        with self._news:
            self._news.wait_for(lambda: self.outcome is not None, 2.0)
            return self.outcome or Outcome(lost="the connection was given up")

    async def _go(self) -> None:
        try:
            outcome = await self._run()
        except ShellTrouble as exc:
            outcome = Outcome(trouble=exc)
        except asyncio.CancelledError:
            outcome = Outcome(lost="the connection was given up")
        with self._news:
            self.outcome = outcome
            self._news.notify_all()

    async def _run(self) -> Outcome:
        connection = await log_in(self._target, within_s=self._connect_s)
        try:
            try:
                async with asyncio.timeout(self._connect_s):
                    process = await connection.create_process(self._command, stdin=asyncssh.DEVNULL, encoding=None)
            except (OSError, TimeoutError, asyncssh.Error) as exc:
                # the request may have reached the host: this is not “nothing was run”
                return Outcome(lost=str(exc) or type(exc).__name__)
            self._connection = connection
            return await self._follow(process)
        finally:
            connection.abort()

    async def _follow(self, process: "asyncssh.SSHClientProcess[bytes]") -> Outcome:
        readers = [
            asyncio.create_task(self._pass_on(process.stdout, "stdout")),
            asyncio.create_task(self._pass_on(process.stderr, "stderr")),
        ]
        pending = set(readers)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=_LINGER_S)
            if pending and _ended(process).known:
                await asyncio.wait(pending, timeout=_LINGER_S)
                break
        lost = await _loss(readers)
        if not lost and not _ended(process).known:
            lost = await _wait_closed(process)
        outcome = _ended(process)
        return outcome if outcome.known else Outcome(lost=lost or "the connection was closed")

    async def _pass_on(self, stream: "asyncssh.SSHReader[bytes]", name: str) -> None:
        gulped = 0
        while piece := await stream.read(_PIECE):
            self._keep(name, piece)
            gulped += len(piece)
            if gulped >= _GULP:
                gulped = 0
                await asyncio.sleep(_REST_S)

    def _keep(self, stream: str, piece: bytes) -> None:
        with self._news:
            self._pieces.append((stream, piece))
            self._unread += len(piece)
            while self._unread > _MOST_UNREAD and len(self._pieces) > 1:
                self._unread -= len(self._pieces.popleft()[1])
            self._news.notify_all()

    async def _stop(self) -> None:
        for signal in ("TERM", "KILL"):
            if self._connection is None or self.outcome is not None or not await self._signal(signal):
                break
            if await self._has_ended(_GRACE_S):
                return
        self._future.cancel()

    async def _signal(self, signal: str) -> bool:
        """False: the host did not take it. sshd passes no signal on for root, so a second session sends it."""
        assert self._connection is not None
        try:
            async with asyncio.timeout(_GRACE_S):
                told = await self._connection.run(_SIGNAL.format(signal=signal), stdin=asyncssh.DEVNULL, encoding=None)
        except (OSError, TimeoutError, asyncssh.Error):
            return False
        return told.exit_status == 0

    async def _has_ended(self, within_s: float) -> bool:
        until = asyncio.get_running_loop().time() + within_s
        while self.outcome is None and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.05)
        return self.outcome is not None


def _ended(process: "asyncssh.SSHClientProcess[bytes]") -> Outcome:
    if process.exit_signal:
        return Outcome(signal=str(process.exit_signal[0]))
    status = process.exit_status
    return Outcome(exit_status=status if status is not None and status >= 0 else None)


async def _loss(readers: "list[asyncio.Task[None]]") -> str:
    """End those who still read; why the connection went, if it did."""
    for reader in readers:
        reader.cancel()
    found = await asyncio.gather(*readers, return_exceptions=True)
    for each in found:
        if isinstance(each, OSError | asyncssh.Error):
            return str(each) or type(each).__name__
    return ""


async def _wait_closed(process: "asyncssh.SSHClientProcess[bytes]") -> str:
    """The exit status may come after the streams' end."""
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait_closed()
    except (OSError, TimeoutError, asyncssh.Error) as exc:
        return str(exc) or type(exc).__name__
    return ""


def ask(target: Target, command: str, *, within_s: float) -> str:
    """A short question: what the command prints on its standard output. ShellTrouble where there is no answer."""
    run = Run(target, command, connect_s=within_s)
    said = b""
    while run.outcome is None:
        pieces = run.read(within_s)
        if not pieces and run.outcome is None:
            run.end()
            raise Unreachable(f"{target.name} did not answer within {within_s:g} s.")
        said += b"".join(piece for stream, piece in pieces if stream == "stdout")
    said += b"".join(piece for stream, piece in run.read(0) if stream == "stdout")
    if run.outcome.trouble is not None:
        raise run.outcome.trouble
    if run.outcome.exit_status != 0:
        raise Unreachable(f"{target.name} did not answer the question “{command}”: {run.outcome.lost or 'it failed'}.")
    return said.decode(errors="replace").strip()[:500]
