"""The driver of the simulated datacenter: ``sim://NAME``.

Other processes reach the one World that ``manage.py simulate`` holds over its unix socket; tests put a World of their
own in place with :func:`hosts.virt.sim.local.use_world`.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, cast

from hosts.virt.connect import HostUri
from hosts.virt.errors import VirtError
from hosts.virt.records import (
    DirtyRate,
    DomainEvent,
    DomainFacts,
    DomainStats,
    DomainStatus,
    HostFacts,
    HostStats,
    JobStats,
    MigrateSpec,
    PowerVerb,
    Refusal,
)
from hosts.virt.sim.client import SocketBackend
from hosts.virt.sim.local import LocalBackend, current_world


class Backend(Protocol):
    """One connection to a simulated host, wherever the World is."""

    def call(self, method: str, args: dict[str, object], *, lasting: bool) -> object: ...

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None: ...

    def alive(self) -> bool: ...

    def close(self) -> None: ...


def open_driver(parsed: HostUri, *, deadline_s: float) -> "SimDriver":
    """Connect to a simulated host. HostUnreachable where no simulator runs or the daemon is down, HostTimeout."""
    world = current_world()
    backend: Backend
    if world is not None:
        backend = LocalBackend(world, parsed.host, deadline_s=deadline_s)
    else:
        backend = SocketBackend(parsed.host, deadline_s=deadline_s)
    return SimDriver(parsed.text, backend)


class SimDriver:
    """:class:`hosts.virt.driver.Driver` for one simulated host."""

    def __init__(self, uri: str, backend: Backend) -> None:
        self.uri = uri
        self._backend = backend

    def _ask(self, method: str, *, lasting: bool = False, **args: object) -> object:
        return self._backend.call(method, args, lasting=lasting)

    def close(self) -> None:
        with suppress(VirtError, OSError):  # the Protocol's word: closing never raises
            self._backend.close()

    def alive(self) -> bool:
        return self._backend.alive()

    def host_facts(self) -> HostFacts:
        return cast(HostFacts, self._ask("host_facts"))

    def host_stats(self) -> HostStats:
        return cast(HostStats, self._ask("host_stats"))

    def domains(self) -> list[DomainFacts]:
        return cast(list[DomainFacts], self._ask("domains"))

    def domain(self, uuid: str) -> DomainFacts:
        return cast(DomainFacts, self._ask("domain", uuid=uuid))

    def domain_status(self, uuid: str) -> DomainStatus:
        return cast(DomainStatus, self._ask("domain_status", uuid=uuid))

    def domain_stats(self) -> list[DomainStats]:
        return cast(list[DomainStats], self._ask("domain_stats"))

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        self._backend.subscribe(callback)

    def power(self, uuid: str, verb: PowerVerb) -> None:
        self._ask("power", lasting=verb is PowerVerb.SUSPEND, uuid=uuid, verb=verb)

    def discard(self, uuid: str, *, seen: DomainStatus, definition: bool) -> None:
        self._ask("discard", uuid=uuid, seen=seen, definition=definition)

    def refusals(self, domain: DomainFacts) -> list[Refusal]:
        return cast(list[Refusal], self._ask("refusals", domain=domain))

    def measure_dirty_rate(self, uuid: str, seconds: int) -> DirtyRate:
        return cast(DirtyRate, self._ask("measure_dirty_rate", lasting=True, uuid=uuid, seconds=seconds))

    def migrate(self, spec: MigrateSpec) -> None:
        self._ask("migrate", lasting=True, spec=spec)

    def job_stats(self, uuid: str) -> JobStats:
        return cast(JobStats, self._ask("job_stats", uuid=uuid))

    def completed_job_stats(self, uuid: str) -> JobStats | None:
        return cast("JobStats | None", self._ask("completed_job_stats", uuid=uuid))

    def abort_job(self, uuid: str, *, postcopy: bool = False) -> None:
        self._ask("abort_job", uuid=uuid, postcopy=postcopy)

    def set_bandwidth(self, uuid: str, bytes_per_s: int | None) -> None:
        self._ask("set_bandwidth", uuid=uuid, bytes_per_s=bytes_per_s)

    def set_max_downtime(self, uuid: str, milliseconds: int) -> None:
        self._ask("set_max_downtime", uuid=uuid, milliseconds=milliseconds)

    def start_postcopy(self, uuid: str) -> None:
        self._ask("start_postcopy", uuid=uuid)
