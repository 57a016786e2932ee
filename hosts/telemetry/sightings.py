"""What each host that answers us last said of each domain: the memory that decisions are made from."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from hosts.telemetry.whereabouts import Hold, hold
from hosts.virt.records import DomainStatus


class Want(IntFlag):
    """What is to be asked of a host about one domain."""

    STATUS = 1
    FACTS = 2  # with its XML; has the status with it
    JOB = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question for a host that listens to us, at once or after a while."""

    host: int
    uuid: str
    want: Want
    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """A host told that a domain began to run, and when."""

    host: int
    at: datetime


class Sightings:
    """uuid -> host -> status, of the hosts that answer this process. Used by one thread."""

    def __init__(self) -> None:
        self.answering: set[int] = set()
        self._seen: dict[str, dict[int, DomainStatus]] = {}

    def of(self, uuid: str) -> dict[int, DomainStatus]:
        """What each answering host says of this domain; hosts that have none of it are not in it."""
        return self._seen.get(uuid, {})

    def copies(self, uuid: str) -> set[int]:
        """The hosts that have it in memory: a definition left behind is no copy."""
        return {host for host, status in self.of(uuid).items() if hold(status) > Hold.DEFINED}

    def saw(self, host: int, uuid: str, status: DomainStatus) -> None:
        self._seen.setdefault(uuid, {})[host] = status

    def gone(self, host: int, uuid: str) -> None:
        """The host answered, and has no such domain."""
        told = self._seen.get(uuid, {})
        told.pop(host, None)
        if not told:
            self._seen.pop(uuid, None)

    def replace(self, host: int, statuses: dict[str, DomainStatus]) -> None:
        """The host told of everything it has, so it answers."""
        self.forget(host)
        self.answering.add(host)
        for uuid, status in statuses.items():
            self.saw(host, uuid, status)

    def forget(self, host: int) -> None:
        """The host no longer answers us: what it said is no longer known."""
        self.answering.discard(host)
        for uuid in [uuid for uuid, told in self._seen.items() if host in told]:
            self.gone(host, uuid)

    def __len__(self) -> int:
        return len(self._seen)
