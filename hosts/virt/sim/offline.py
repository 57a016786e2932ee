"""The move of a definition: of a guest that is shut off, nothing else travels.

As libvirt does it: the destination defines it, then the source drops its own. When the answer between the two is lost,
both keep it.
"""

from hosts.virt.errors import HostLost, MigrationFailed, MigrationRefused, VirtError
from hosts.virt.records import DomainState, DomainStatus, EventKind, MigrateSpec
from hosts.virt.sim.guest import Copy, SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World

#: the two daemons' talk before the definition, and between it and the source's own end, in seconds
_PREPARE_S, _FINISH_S, _POLL_S = (0.1, 0.3), 0.05, 0.1


class OfflineMove:
    """One, from the moment both hosts have agreed. All methods want to be called inside the world's present."""

    def __init__(self, world: World, guest: SimGuest, source: SimHost, destination: SimHost, spec: MigrateSpec) -> None:
        self.world, self.guest, self.source, self.destination, self.spec = world, guest, source, destination, spec
        self.ticket = Ticket()
        self._epoch = source.epoch
        self._silent_since: float | None = None
        self._defined = False

    def begin(self) -> None:
        noise = self.world.chance("offline", self.guest.uuid, round(self.world.t, 3))
        self.world.after(noise.uniform(*_PREPARE_S), self._go_on)

    def _go_on(self) -> None:
        """The next half, once both daemons hear each other; given up as their keepalive does."""
        if self.source.epoch != self._epoch or not self.source.daemon_up:
            self.ticket.finish(error=HostLost("End of file while reading data", code=38, domain=7))
        elif not self.destination.daemon_up:
            self._fail(MigrationFailed("internal error: client socket is closed", code=1, domain=7))
        elif self.source.frozen or self.destination.frozen or not self._line():
            self._wait()
        elif self._defined:
            self._drop()
        else:
            self._define()

    def _line(self) -> bool:
        return self.world.links.open(self.source.name, self.destination.name, t=self.world.t)

    def _wait(self) -> None:
        if self._silent_since is None:
            self._silent_since = self.world.t
        if self.world.t - self._silent_since >= self.source.keepalive_s and not self.source.frozen:
            self._fail(MigrationFailed("internal error: client socket is closed", code=1, domain=7))
        else:
            self.world.after(_POLL_S, self._go_on)

    def _fail(self, error: VirtError) -> None:
        self.ticket.finish(error=error)

    def _define(self) -> None:
        if any(copy.active for copy in self.world.copies_of(self.guest.uuid).values()):
            self._fail(MigrationRefused("domain is already active", code=55, domain=20))
            return
        kept = self.destination.copies.get(self.guest.uuid)
        status = DomainStatus(state=DomainState.SHUTOFF, reason="unknown")
        self.destination.copies[self.guest.uuid] = Copy(guest=self.guest, status=status)
        self._say(self.destination, "defined/updated" if kept else "defined/added")
        self._defined = True
        self.world.after(_FINISH_S, self._go_on)

    def _drop(self) -> None:
        """One that was started meanwhile runs on, without a definition."""
        copy = self.source.copies.get(self.guest.uuid)
        if copy is not None and copy.active:
            copy.persistent = False
        elif copy is not None:
            del self.source.copies[self.guest.uuid]
            self.guest.home = self.destination.name
        self._say(self.source, "undefined/removed")
        self.ticket.finish()

    def _say(self, host: SimHost, detail: str) -> None:
        self.world.emit(host.name, EventKind.LIFECYCLE, self.guest, detail)
