"""A call that lasts, on a thread of its own and without a database: a measurement, a migration.

The threads that make steps are few; whatever lasts longer than a question to a daemon goes here.
"""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from hosts.virt.errors import VirtError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Aside(Generic[T]):
    """One call on its way. ``when_over`` runs on its thread and must only wake.

    Of a migration, what comes back is a hint to look at both hosts, never the truth. The daemons hold it
    (peer-to-peer): a process that ends takes this thread with it, and nothing else.
    """

    def __init__(self, name: str, call: Callable[[], T], *, when_over: Callable[[], None]) -> None:
        self._name = name
        self._call = call
        self._when_over = when_over
        self._over = threading.Event()
        self.value: T | None = None
        self.error: VirtError | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether the call has come back, well or not."""
        return self._over.is_set()

    def _run(self) -> None:
        try:
            self.value = self._call()
        except VirtError as exc:
            self.error = exc
        except Exception as exc:  # a bug in a driver: without this the supervisor would wait for ever
            log.exception("The call %s broke.", self._name, extra={"action": "call_broke"})
            self.error = VirtError(f"The call broke: {exc!r}")
        self._over.set()
        self._when_over()
