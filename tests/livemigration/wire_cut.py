"""A way to the test database that can be cut and mended: a TCP proxy before PostgreSQL, in this process."""

import contextlib
import select
import socket
import threading
from urllib.parse import unquote, urlsplit, urlunsplit

from tests.database import database_url

_POLL_S = 0.05


class Wire:
    """``url`` leads through it. While it is cut no byte passes and nobody is told, as with a dead cable."""

    def __init__(self) -> None:
        self._given = urlsplit(database_url())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._whole = threading.Event()
        self._whole.set()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="wire", daemon=True).start()

    @property
    def url(self) -> str:
        user = self._given.username or "postgres"
        word = f":{self._given.password}" if self._given.password else ""
        place = f"{user}{word}@127.0.0.1:{self._listener.getsockname()[1]}"
        return urlunsplit(self._given._replace(netloc=place, query=""))

    def cut(self) -> None:
        """From now on silence; what is said meanwhile waits, as TCP keeps it."""
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def reset(self) -> None:
        """Every connection ends at once; new ones can be made."""
        with self._lock:
            ends, self._open = self._open, set()
        for each in ends:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._ended.set()
        self._whole.set()
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._whole.wait()
        with near, self._far() as far:
            with self._lock:
                self._open |= {near, far}
            try:
                self._pump(near, far)
            except OSError:
                return
            finally:
                with self._lock:
                    self._open -= {near, far}

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        while not self._ended.is_set():
            ready, _, _ = select.select(list(other), [], [], _POLL_S)
            for each in ready:
                self._whole.wait()
                said = each.recv(65536)
                if not said:
                    return
                self._whole.wait()
                other[each].sendall(said)

    def _far(self) -> socket.socket:
        """To the server itself. urlsplit writes a host's name in lower case; a folder keeps its letters."""
        where, port = unquote(self._given.netloc.rpartition("@")[2].partition(":")[0]), self._given.port or 5432
        if not where.startswith("/"):
            return socket.create_connection((where, port))
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{where}/.s.PGSQL.{port}")
        return far
