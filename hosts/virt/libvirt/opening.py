"""Opening a libvirt connection within a deadline, without ever asking anybody for a password.

``virConnectOpen`` cannot be interrupted. It runs on a thread of its own; where it hangs in spite of the probe, the
thread is given up and counted, and closes its connection should it ever get one. At most ``MOST_HUNG`` attempts
hang for one URI; beyond that an attempt fails at once.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import libvirt

from hosts.virt.connect import HostUri
from hosts.virt.errors import HostTimeout
from hosts.virt.libvirt.deadline import MOST_ABANDONED, Task, abandoned_threads
from hosts.virt.libvirt.errors import OPEN, translate
from hosts.virt.libvirt.loop import ensure_loop
from hosts.virt.libvirt.probe import ask_for_life

log = logging.getLogger(__name__)

MOST_HUNG = 2
#: The probe's share of the deadline: its sentence says what is wrong, so it should come before the deadline's.
PROBE_SHARE = 0.8
#: Seconds between keepalives and how many may stay unanswered: a frozen host fails every call after 15 s.
KEEPALIVE_S, KEEPALIVE_COUNT = 5, 3

_CLOSE_WAIT_S = 1.0

_SSH = Path(__file__).with_name("ssh-quietly")

_hung_lock = threading.Lock()
_hung: Counter[str] = Counter()


def open_connection(uri: HostUri, *, deadline_s: float) -> libvirt.virConnect:
    """A connection with keepalive. Raises HostUnreachable, HostTimeout, AccessRefused."""
    ensure_loop()
    _refuse_if_hopeless(uri.text)
    task = _Opening(uri, deadline_s=deadline_s)
    threading.Thread(target=task.run, name=f"open {uri.text}", daemon=True).start()
    if not task.done.wait(deadline_s) and task.give_up():
        raise HostTimeout(f"No connection to {uri.text} within {deadline_s:g} s.")
    if isinstance(task.error, libvirt.libvirtError):
        raise translate(task.error, OPEN) from task.error
    if task.error is not None:
        raise task.error
    return task.value


def opened_text(uri: HostUri) -> str:
    """The URI as libvirt gets it: for ssh with what keeps it from asking and from hanging."""
    if uri.transport != "ssh":
        return uri.text
    parts = urlsplit(uri.text)
    given = [(name, value) for name, value in parse_qsl(parts.query) if name != "no_tty"]
    return urlunsplit(parts._replace(query=urlencode([*given, ("no_tty", "1"), ("command", str(_SSH))])))


def _refuse_if_hopeless(text: str) -> None:
    with _hung_lock:
        hung = _hung[text]
    if hung >= MOST_HUNG:
        raise HostTimeout(f"{hung} earlier attempts to open {text} still hang; the daemon says nothing.")
    if abandoned_threads() >= MOST_ABANDONED:
        raise HostTimeout(f"{abandoned_threads()} calls to other hosts hang; no new connection is opened meanwhile.")


class _Opening(Task):
    """One probe and one virConnectOpen on a thread of their own: the resolver of names has no deadline either."""

    def __init__(self, uri: HostUri, *, deadline_s: float) -> None:
        super().__init__(lambda: _open(uri, probe_s=deadline_s * PROBE_SHARE))
        self._key = uri.text

    def run(self) -> None:
        super().run()
        if not self.given_up:
            return
        with _hung_lock:
            _hung[self._key] -= 1
        if self.error is None:
            close_quietly(self.value)

    def give_up(self) -> bool:
        if not super().give_up():
            return False
        with _hung_lock:
            _hung[self._key] += 1
        log.warning("Opening %s hangs; its thread was given up.", self._key, extra={"action": "libvirt_open_abandoned"})
        return True


def _open(uri: HostUri, *, probe_s: float) -> libvirt.virConnect:
    ask_for_life(uri, deadline_s=probe_s)
    conn = libvirt.open(opened_text(uri))  # without credentials to offer: a daemon that wants a password refuses
    try:
        conn.setKeepAlive(KEEPALIVE_S, KEEPALIVE_COUNT)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:  # test:///default has nobody to keep alive
            raise
    return conn


def end_soon(work: Callable[[], None], name: str) -> None:
    """Do what ends a connection on a thread, and wait a second for it: a frozen daemon lets it hang until keepalive."""
    task = Task(work)
    threading.Thread(target=task.run, name=f"close {name}", daemon=True).start()
    if not task.done.wait(_CLOSE_WAIT_S):
        task.give_up()


def close_quietly(conn: libvirt.virConnect) -> None:
    """Close; a dead connection says so once more, which nobody needs."""
    try:
        conn.close()
    except libvirt.libvirtError as exc:
        log.info("A connection ended with: %s", exc, extra={"action": "libvirt_close_error"})
