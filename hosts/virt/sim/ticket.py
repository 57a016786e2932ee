"""The promise of a call that lasts: a migration, or a measurement."""

from collections.abc import Callable

from hosts.virt.errors import VirtError


class Ticket:
    """Finished once, with a result or an error; tells whoever waits, inside the world's present."""

    def __init__(self) -> None:
        self.done = False
        self.result: object = None
        self.error: VirtError | None = None
        self._waiting: list[Callable[[Ticket], None]] = []

    def finish(self, result: object = None, *, error: VirtError | None = None) -> None:
        """The call ends; a second end changes nothing."""
        if self.done:
            return
        self.done, self.result, self.error = True, result, error
        waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell(self)

    def when_done(self, tell: "Callable[[Ticket], None]") -> None:
        """Call ``tell`` at the end, or at once where that has passed. It must only enqueue."""
        if self.done:
            tell(self)
        else:
            self._waiting.append(tell)
