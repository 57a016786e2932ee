"""Every libvirt call under a deadline of ours, and one call at a time on a connection.

libvirt's C calls cannot be interrupted, so they run on a thread of the connection, and the caller waits no longer
than the deadline. A call that is late makes the connection dead: whoever waits or asks later fails at once, and the
thread is given up. It is counted, and ends when its call does: keepalive breaks a silent connection after 15 to 20 s.

One at a time, because libvirt's client before 10.3 (Debian 12 has 9.0) crashes the whole process when two threads
wait on one connection and one of them is woken: CVE-2024-4418, a use of stack memory after its frame is gone. Seen
here: SIGSTOP the daemon, two calls waiting, and keepalive's end was a segmentation fault. A call takes 1 to 6 ms, so
a queue costs little; the one long call, a migration, has a connection of its own.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from hosts.virt.clock import WALL
from hosts.virt.errors import HostLost, HostTimeout, VirtError

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Threads of this process that hang in a call we gave up. Beyond this many no new connection is opened.
MOST_ABANDONED = 64
#: The thread starts a little after its caller began to wait.
_NEARLY = 0.9

_abandoned_lock = threading.Lock()
_abandoned = 0


def abandoned_threads() -> int:
    """How many threads of this process hang in a libvirt call that nobody waits for any more."""
    with _abandoned_lock:
        return _abandoned


def count_abandoned(change: int) -> None:
    """Note that a thread was given up (+1), or that its call came back after all (-1)."""
    global _abandoned
    with _abandoned_lock:
        _abandoned += change


class Task:
    """One call on its way: ``done`` is set when it has returned or raised."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.done = threading.Event()
        self.given_up = False
        self.value: object = None
        self.error: BaseException | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Make the call on the current thread and keep what comes of it for the one who waits."""
        try:
            self.value = self.call()
        except BaseException as exc:  # noqa: BLE001 - raised again on the thread that waits
            self.error = exc
        with self._lock:
            self.done.set()
            late = self.given_up
        if late:
            count_abandoned(-1)

    def give_up(self) -> bool:
        """Nobody waits any more; its thread counts as abandoned until it ends. False where it has just come back."""
        with self._lock:
            if self.done.is_set():
                return False
            self.given_up = True
        count_abandoned(+1)
        return True


class Caller:
    """The one thread that speaks for a connection. Its methods may be called from any thread."""

    def __init__(self, name: str, *, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self._name = name
        self._changed = threading.Condition()
        self._queue: deque[Task] = deque()
        self._running: Task | None = None
        self._began = 0.0  # when the running call began, monotonic
        self._started = False
        self._dead: VirtError | None = None

    @property
    def dead(self) -> bool:
        return self._dead is not None

    def declare_dead(self, because: VirtError) -> None:
        """All further and all waiting calls fail at once with ``because``. The first reason stays."""
        with self._changed:
            if self._dead is not None:
                return
            self._dead = because
            for task in self._queue:
                task.error = _again(because)
                task.done.set()
            self._queue.clear()
            self._changed.notify_all()

    def drained(self, timeout_s: float) -> bool:
        """Wait until no call is under way. Closing a connection below a running call would be a use after free."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running is None, timeout_s)

    def run(self, call: Callable[[], T]) -> T:
        """The call's value or its error; HostTimeout once the deadline has passed, waiting in the queue included."""
        task = Task(call)
        self._submit(task)
        if not task.done.wait(self.deadline_s) and self._give_up(task):
            raise HostTimeout(f"The host said nothing for {self.deadline_s:g} s.")
        if task.error is not None:
            raise task.error
        return task.value  # type: ignore[return-value]  # what call() returned

    def _submit(self, task: Task) -> None:
        with self._changed:
            if self._dead is not None:
                raise _again(self._dead)
            self._queue.append(task)
            if not self._started:
                self._started = True
                threading.Thread(target=self._work, name=f"libvirt {self._name}", daemon=True).start()
            self._changed.notify_all()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task.run()
            with self._changed:
                self._running = None
                self._changed.notify_all()

    def _next(self) -> Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._dead is not None)
            if not self._queue:
                return None
            self._running = self._queue.popleft()
            self._began = WALL.monotonic()
            return self._running

    def _give_up(self, task: Task) -> bool:
        """Wait for it no longer. False where it came back this very moment.

        The connection is dead only where the call under way has itself used up the deadline: one that waited behind
        others for most of its time proves nothing about the host.
        """
        with self._changed:
            if task in self._queue:
                self._queue.remove(task)
            elif not task.give_up():
                return False
            hung = self._running is not None and WALL.monotonic() - self._began >= self.deadline_s * _NEARLY
        log.warning(
            "A libvirt call to %s passed its deadline of %g s.",
            self._name,
            self.deadline_s,
            extra={"action": "libvirt_call_late", "hung": hung, "abandoned": abandoned_threads()},
        )
        if hung:
            self.declare_dead(HostTimeout(f"The host said nothing for {self.deadline_s:g} s."))
        return True


def _again(because: VirtError) -> VirtError:
    """The same error anew: an exception object that is raised twice collects the tracebacks of both."""
    return type(because)(str(because), code=because.code, domain=because.domain)


def closed() -> HostLost:
    """The reason for calls after close()."""
    return HostLost("The connection was closed.")
