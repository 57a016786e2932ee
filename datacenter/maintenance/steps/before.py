"""What a host was like before the work on it, kept with the plan's host for the health check."""

import logging
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from hosts.models import Host
from hosts.virt.connect import connect
from hosts.virt.errors import VirtError
from hosts.virt.records import HostFacts

log = logging.getLogger(__name__)

_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is compared. Names of networks, bridges and storage pools are those that are active."""

    libvirt_version: str = ""
    qemu_version: str = ""
    cpu_model: str = ""
    cpus: int | None = None
    memory_bytes: int | None = None
    networks: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()

    @classmethod
    def of(cls, facts: HostFacts) -> Self:
        return cls(
            libvirt_version=facts.libvirt_version,
            qemu_version=facts.qemu_version,
            cpu_model=facts.cpu_model,
            cpus=facts.cpus,
            memory_bytes=facts.memory_bytes,
            networks=facts.networks,
            bridges=facts.bridges,
            storage=facts.pools,
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        known: dict[str, Any] = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        cleaned: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in known.items()
        }
        return cls(**cleaned)


def look(host: Host) -> Shape:
    """The host as it is now. VirtError. On a connection of its own: an open one keeps the facts of its beginning."""
    driver = connect(host.uri, deadline_s=_DEADLINE_S)
    try:
        return Shape.of(driver.host_facts())
    finally:
        driver.close()


def remember(host: Host) -> dict[str, Any]:
    """The host as it says it is now, as JSON; where it does not answer, as it last said (its storage is not known)."""
    try:
        return asdict(look(host))
    except VirtError as exc:
        keys = {"action": "host_remembered_late", "row": host.pk}
        log.warning("%s does not answer; it is remembered as it last was: %s", host, exc, extra=keys)
    return asdict(
        Shape(
            libvirt_version=host.libvirt_version,
            qemu_version=host.qemu_version,
            cpu_model=host.cpu_model,
            cpus=host.cpus,
            memory_bytes=host.memory_bytes,
            networks=tuple(host.networks),
            bridges=tuple(host.bridges),
        )
    )
