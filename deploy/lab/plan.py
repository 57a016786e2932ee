"""Names, addresses and UUIDs of a lab.

All of it follows from the lab's name, so that after `down` and `up` a host and a guest are again the same ones
to whoever stored their URI or UUID.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

from deploy.lab.machine import LabError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
NAMESPACE = uuid.UUID("6d6f8f2e-53a5-4a0f-9d0b-6c61622e676f")
TCP_PORT = 16509
MAX_HOSTS = 20
# Linux allows 15 bytes for a link's name; the lab's longest is "gl-" + name.
MAX_NAME = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """One host: its names, addresses and identity."""

    name: str
    lab: str
    number: int
    address: str
    host_uuid: str
    root: Path

    @property
    def netns(self) -> str:
        return f"gl-{self.lab}-{self.name}"

    @property
    def hostname(self) -> str:
        return f"{self.name}.{self.lab}.lab"

    @property
    def uri(self) -> str:
        return f"qemu+tcp://{self.address}/system"

    @property
    def port(self) -> str:
        """The host's port on the lab's switch: faults are made here."""
        return self.name

    @property
    def mac(self) -> str:
        octets = ipaddress.ip_address(self.address).packed
        return "52:48:" + ":".join(f"{octet:02x}" for octet in octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPlan:
    """A whole lab."""

    name: str
    state: Path
    subnet: str
    hosts: tuple[HostPlan, ...]

    @property
    def switch(self) -> str:
        """The namespace that holds the lab's bridge, away from the machine's own firewall and bridges."""
        return f"gl-{self.name}-lan"

    @property
    def link(self) -> str:
        """The machine's own port into the lab."""
        return f"gl-{self.name}"

    @property
    def address(self) -> str:
        """The machine's own address in the lab."""
        return str(ipaddress.ip_network(self.subnet)[254])

    @property
    def shared(self) -> Path:
        """A folder which all hosts see at the same path: heartbeats and shared disks."""
        return self.state / "shared"

    @property
    def specs(self) -> Path:
        return self.state / "guests"

    @property
    def namespaces(self) -> list[str]:
        return [host.netns for host in self.hosts] + [self.switch]


def cache_folder() -> Path:
    """Kernel, initramfs and other things that all labs of this checkout share and `down` keeps."""
    return REPOSITORY / "var" / "cache" / "lab"


def lock_file() -> Path:
    """Held by whoever makes or removes a lab of this checkout; outside the state folder, which `down` removes."""
    return cache_folder() / "labs.lock"


def default_state(name: str) -> Path:
    return REPOSITORY / "var" / "lab" / name


def first_subnet(name: str) -> int:
    """The third octet a lab of this name tries first: 10.78.N.0/24."""
    return zlib.crc32(name.encode()) % 250 + 1


def make_plan(name: str, *, state: Path, octet: int, hosts: int) -> LabPlan:
    """Plan a lab in 10.78.<octet>.0/24; raise LabError for a name or number that can't be."""
    if not re.fullmatch(rf"[a-z][a-z0-9]{{0,{MAX_NAME - 1}}}", name):
        raise LabError(f"a lab's name is 1 to {MAX_NAME} lower-case letters and digits, not {name!r}")
    if not 1 <= hosts <= MAX_HOSTS:
        raise LabError(f"a lab has 1 to {MAX_HOSTS} hosts, not {hosts}")
    planned = tuple(
        HostPlan(
            name=f"h{number}",
            lab=name,
            number=number,
            address=f"10.78.{octet}.{number}",
            host_uuid=str(uuid.uuid5(NAMESPACE, f"{name}/h{number}")),
            root=state / "hosts" / f"h{number}",
        )
        for number in range(1, hosts + 1)
    )
    return LabPlan(name=name, state=state, subnet=f"10.78.{octet}.0/24", hosts=planned)


def guest_uuid(lab: str, guest: str) -> str:
    """The UUID of a guest of this lab, the same at every `up`."""
    return str(uuid.uuid5(NAMESPACE, f"{lab}/guest/{guest}"))
