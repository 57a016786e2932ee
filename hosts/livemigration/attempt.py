"""The one blocking call: asking the source's daemon to migrate. It has a thread of its own and no database."""

import logging
import threading
from collections.abc import Callable

from hosts.virt.driver import Driver
from hosts.virt.errors import VirtError
from hosts.virt.records import MigrateSpec

log = logging.getLogger(__name__)


class Attempt:
    """A migration call on its way. What it returns is a hint to look at both hosts, never the truth.

    The daemons hold the migration (peer-to-peer): a process that ends takes this thread with it, and nothing else.
    """

    def __init__(self, driver: Driver, spec: MigrateSpec, *, when_over: Callable[[], None]) -> None:
        self._driver = driver
        self._spec = spec
        self._when_over = when_over
        self._over = threading.Event()
        self.error: VirtError | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"migrate {self._spec.uuid}", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether the call has come back, well or not."""
        return self._over.is_set()

    def _run(self) -> None:
        try:
            self._driver.migrate(self._spec)
        except VirtError as exc:
            self.error = exc
        except Exception as exc:  # a bug in a driver: without this the supervisor would wait for ever
            log.exception("The migrate call broke.", extra={"action": "migrate_broke", "uuid": self._spec.uuid})
            self.error = VirtError(f"The migrate call broke: {exc!r}")
        self._over.set()
        self._when_over()
