"""What Godwit asks of a hypervisor host: one connection, at most 20 methods.

Every method blocks, is safe to call from any thread, and ends within the driver's deadline (``HostTimeout``)
but ``migrate``, which lasts as long as the migration, and suspending to disk. Each raises errors of
:mod:`hosts.virt.errors` and no other.
"""

from collections.abc import Callable
from typing import Protocol

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


class Driver(Protocol):
    """One open connection to one host. A dead one is closed and a new one opened; it does not mend itself."""

    uri: str

    def close(self) -> None:
        """Give up the connection. Never blocks for longer than a second, never raises."""

    def alive(self) -> bool:
        """Whether the connection still stands, without asking the host."""

    # what is there
    def host_facts(self) -> HostFacts: ...

    def host_stats(self) -> HostStats: ...

    def domains(self) -> list[DomainFacts]:
        """Every domain, active or not, with its XML."""

    def domain(self, uuid: str) -> DomainFacts:
        """One domain. NoSuchDomain if the host has none of this UUID."""

    def domain_status(self, uuid: str) -> DomainStatus:
        """(state, reason) as the daemon says now: what every decision re-reads."""

    def domain_stats(self) -> list[DomainStats]:
        """All domains in one bulk call (virConnectGetAllDomainStats)."""

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        """Every event from now on. The callback runs on a foreign thread and must only enqueue."""

    # power
    def power(self, uuid: str, verb: PowerVerb) -> None:
        """Ask for a power change. WrongState where the state forbids it. SHUTDOWN and REBOOT only ask the guest.

        SUSPEND returns when the memory is saved, whatever that takes; ``job_stats`` shows how far it is.
        """

    def discard(self, uuid: str, *, seen: DomainStatus, definition: bool) -> None:
        """End a copy that is proved to be one too many, and with ``definition`` undefine it as well.

        WrongState where the copy is not (any more) as it was ``seen``: nothing was done.
        """

    # migration
    def refusals(self, domain: DomainFacts) -> list[Refusal]:
        """As the DESTINATION: what speaks against taking this domain: machine type, CPU, memory, name, UUID."""

    def measure_dirty_rate(self, uuid: str, seconds: int) -> DirtyRate:
        """Sample pages for ``seconds`` (1 to 60) and give the rate. Blocks that long."""

    def migrate(self, spec: MigrateSpec) -> None:
        """As the SOURCE: migrate, peer-to-peer; returns when the daemon says it ended well.

        Live, or with ``offline`` the definition of a domain that is shut off: WrongState where it is not.
        """

    def job_stats(self, uuid: str) -> JobStats:
        """The domain's job now; type NONE where there is none."""

    def completed_job_stats(self, uuid: str) -> JobStats | None:
        """The last completed job's figures, kept for later readers; None where the daemon has none."""

    def abort_job(self, uuid: str, *, postcopy: bool = False) -> None:
        """Abort the running job. JobConflict in post-copy (cannot be cancelled) or where no job runs.

        With ``postcopy``: pause a post-copy that lost its other half; ``MigrateSpec.resume_postcopy`` goes on with it.
        JobConflict where none runs.
        """

    def set_bandwidth(self, uuid: str, bytes_per_s: int | None) -> None:
        """Cap the running migration; None lifts the cap. Also in post-copy."""

    def set_max_downtime(self, uuid: str, milliseconds: int) -> None:
        """The pause QEMU may take for the last pass, 1 to 2,000,000 ms."""

    def start_postcopy(self, uuid: str) -> None:
        """Switch the running migration to post-copy. No way back: it can no longer be cancelled."""
