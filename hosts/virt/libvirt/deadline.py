"""Every libvirt call under a deadline of ours.

libvirt's C calls cannot be interrupted, so each runs on a worker thread and the caller waits for it no longer than
the deadline. A thread that hangs is given up: it is counted, ends by itself when its call does, and is replaced.

One guest whose QEMU hangs must not make its whole host look dead. So when a call is late, the connection is asked a
trivial question (a *ping*) from another thread: if that is answered, only the call is given up; if not, or if
``MOST_STUCK`` calls hang at once, the connection is dead, and all further calls fail at once.
(A libvirtd serves five requests of one client at a time: a sixth would not even be read.)
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from hosts.virt.errors import HostLost, HostTimeout, VirtError

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_WORKERS = 4
MOST_STUCK = 2
#: After this share of the deadline a call counts as late and the ping is sent.
LATE = 0.6
#: Threads of this process that hang in a call we gave up. Beyond this many no new connection is opened.
MOST_ABANDONED = 64

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
        self.started = False
        self.given_up = False
        self.value: object = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make the call on the current thread and keep what comes of it for the one who waits."""
        try:
            self.value = self.call()
        except BaseException as exc:  # noqa: BLE001 - raised again on the thread that waits
            self.error = exc
        self.done.set()


class Caller:
    """A small pool of threads for one connection. Thread-safe."""

    def __init__(self, name: str, *, deadline_s: float, ping: Callable[[], object]) -> None:
        self.deadline_s = deadline_s
        self._name = name
        self._ping = ping
        self._ready = threading.Condition()
        self._queue: deque[Task] = deque()
        self._workers = 0
        self._idle = 0
        self._stuck = 0
        self._running = 0
        self._ping_task: Task | None = None
        self._closed = False
        self._dead: VirtError | None = None

    @property
    def dead(self) -> bool:
        return self._dead is not None

    def declare_dead(self, because: VirtError) -> bool:
        """All further calls fail at once with ``because``. True the first time only."""
        with self._ready:
            if self._dead is not None:
                return False
            self._dead = because
            while self._queue:
                task = self._queue.popleft()
                task.error = because
                task.done.set()
            self._ready.notify_all()
            return True

    def close(self) -> None:
        """Let idle workers end; queued calls are dropped."""
        self.declare_dead(HostLost("The connection was closed."))
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def drained(self, timeout_s: float) -> bool:
        """Wait until no call is under way. Closing a connection below a running call would be a use after free."""
        with self._ready:
            return self._ready.wait_for(lambda: self._running == 0, timeout_s)

    def run(self, call: Callable[[], T]) -> T:
        """The call's value or its error; HostTimeout once the deadline has passed, HostLost where it is dead."""
        task = Task(call)
        self._submit(task)
        if not task.done.wait(self.deadline_s * LATE):
            ping = self._send_ping()
            if not task.done.wait(self.deadline_s * (1 - LATE)):
                self._give_up(task, answered=ping.done.is_set() and ping.error is None)
                raise HostTimeout(f"The host said nothing for {self.deadline_s:g} s.")
        if task.error is not None:
            raise task.error
        return task.value  # type: ignore[return-value]  # what call() returned

    def _submit(self, task: Task) -> None:
        with self._ready:
            if self._dead is not None:
                raise type(self._dead)(str(self._dead), code=self._dead.code, domain=self._dead.domain)
            self._queue.append(task)
            if self._idle < len(self._queue) and self._workers < MOST_WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name=f"libvirt {self._name}", daemon=True).start()
            self._ready.notify()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task.run()
            self._count_running(-1)
            if self._was_given_up(task):
                return  # its place was taken by another worker meanwhile
        with self._ready:
            self._workers -= 1

    def _next(self) -> Task | None:
        with self._ready:
            while True:
                if self._closed or self._dead is not None:
                    return None
                while self._queue:
                    task = self._queue.popleft()
                    if not task.given_up:
                        task.started = True
                        self._running += 1
                        return task
                self._idle += 1
                self._ready.wait()
                self._idle -= 1

    def _send_ping(self) -> Task:
        """A question to the daemon on a thread of its own; one at a time."""
        with self._ready:
            if self._ping_task is None or self._ping_task.done.is_set():
                self._ping_task = Task(self._ping)
                self._running += 1
                threading.Thread(target=self._run_ping, name=f"ping {self._name}", daemon=True).start()
            return self._ping_task

    def _run_ping(self) -> None:
        """Counted as abandoned from the start: nobody can end it, and it is over at once where all is well."""
        task = self._ping_task
        if task is not None:
            count_abandoned(+1)
            task.run()
            count_abandoned(-1)
            self._count_running(-1)

    def _count_running(self, change: int) -> None:
        with self._ready:
            self._running += change
            self._ready.notify_all()

    def _give_up(self, task: Task, *, answered: bool) -> None:
        with self._ready:
            if task.done.is_set():
                return  # it came back this very moment; the caller has its timeout all the same
            task.given_up = True
            if not task.started:
                return
            self._workers -= 1
            self._stuck += 1
            count_abandoned(+1)
            too_many = self._stuck > MOST_STUCK
        log.warning(
            "A libvirt call to %s passed its deadline; its thread was given up.",
            self._name,
            extra={"action": "libvirt_call_abandoned", "stuck": self._stuck, "abandoned": abandoned_threads()},
        )
        if too_many or not answered:
            self.declare_dead(HostTimeout(f"The host said nothing for {self.deadline_s:g} s; it is being reopened."))

    def _was_given_up(self, task: Task) -> bool:
        with self._ready:
            if not task.given_up:
                return False
            self._stuck -= 1
        count_abandoned(-1)
        return True
