"""What is asked of a host in one go: run on a pool's thread, given back as records, no database in sight."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hosts.telemetry import clean
from hosts.telemetry.sightings import Want
from hosts.virt.clock import Clock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import HostLost, NoSuchDomain, VirtError
from hosts.virt.records import DomainEvent, DomainFacts, DomainStats, DomainStatus, HostFacts, HostStats, JobStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One bulk reading; ``monotonic`` was stamped before it."""

    monotonic: float
    domains: list[DomainStats]
    host: HostStats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a host said of one domain. ``gone``: it has none of this UUID; ``error``: it would not say."""

    uuid: str
    facts: DomainFacts | None = None
    status: DomainStatus | None = None
    job: JobStats | None = None
    gone: bool = False
    error: VirtError | None = None


def introduce(uri: str, *, deadline_s: float) -> tuple[Driver, HostFacts]:
    """Open a host and ask who it is; nothing else, for it may be one that we know already."""
    driver = connect(uri, deadline_s=deadline_s)
    try:
        return driver, driver.host_facts()
    except BaseException:
        driver.close()
        raise


def read_all(
    driver: Driver, listen: Callable[[DomainEvent], None] | None, clock: Clock
) -> tuple[list[DomainFacts], Beat]:
    """Everything there is. Events are asked for first (``listen``): what happens meanwhile is told twice, not never."""
    if listen:
        driver.subscribe(listen)
    domains = driver.domains()
    return domains, beat(driver, clock)


def beat(driver: Driver, clock: Clock) -> Beat:
    """The bulk figures of all domains and of the host."""
    started = clock.monotonic()
    domains = [replace(each, uuid=uuid) for each in driver.domain_stats() if (uuid := clean.uuid(each.uuid))]
    try:
        host = driver.host_stats()
    except HostLost:
        raise
    except VirtError:  # test:/// and odd hosts have none: its VMs' figures are still good
        host = None
    return Beat(monotonic=started, domains=domains, host=host)


def ping(driver: Driver) -> None:
    """Whether the host answers at all: HostLost if it does not."""
    try:
        driver.host_stats()
    except HostLost:
        raise
    except VirtError:  # it said something
        return


def ask(driver: Driver, questions: dict[str, Want]) -> list[Answer]:
    """Several domains, one after the other. HostLost only where the whole host is lost."""
    return [_ask(driver, uuid, want) for uuid, want in questions.items()]


def _ask(driver: Driver, uuid: str, want: Want) -> Answer:
    try:
        facts = driver.domain(uuid) if want & Want.FACTS else None
        status = facts.status if facts else driver.domain_status(uuid) if want & Want.STATUS else None
        job = driver.job_stats(uuid) if want & Want.JOB else None
    except NoSuchDomain:
        return Answer(uuid=uuid, gone=True)
    except HostLost as exc:
        if not driver.alive():
            raise
        return Answer(uuid=uuid, error=exc)  # one guest that hangs is not its whole host
    except VirtError as exc:
        return Answer(uuid=uuid, error=exc)
    return Answer(uuid=uuid, facts=facts, status=status, job=job)
