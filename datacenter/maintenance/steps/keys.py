"""What a data center's hosts are reached with: a folder of files, never a row.

::

    var/keys/DATA CENTER/          0700
        ssh.toml                   user, port, key; and what differs for single hosts
        id                         the private key, without a passphrase, 0600
        known_hosts                as OpenSSH writes it; manage.py trusthost adds to it
"""

import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from datacenter.maintenance.steps.troubles import NotSetUp
from hosts.models import DataCenter, Host
from hosts.virt.connect import parse_uri
from hosts.virt.errors import UriRefused

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}")
_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9a-fA-F:]{2,45}")
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_KNOWN = frozenset({"user", "port", "key", "address"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to log in to, as whom, with which files."""

    name: str  # the host's name in Godwit, for sentences
    data_center: str
    address: str
    port: int
    user: str
    key: Path
    known_hosts: Path

    @property
    def trust(self) -> str:
        """The order that adds its key."""
        return f'manage.py trusthost {self.name} --data-center "{self.data_center}"'


def folder(data_center: DataCenter) -> Path:
    """Where this data center's files are. A name that would not do as a folder's gives ``dc-NUMBER``."""
    name = data_center.name
    return Path(settings.KEYS) / (name if _PLAIN.fullmatch(name) else f"dc-{data_center.pk}")


def target(host: Host) -> Target:
    """How to reach this host over SSH. NotSetUp with what is missing and how to mend it."""
    data_center = host.cluster.datacenter
    place = folder(data_center)
    told = _settings(place / "ssh.toml", host.name)
    key = Path(told.get("key", "id")).expanduser()
    return Target(
        name=host.name,
        data_center=data_center.name,
        address=_address(host, told),
        port=_port(told),
        user=_user(told),
        key=key if key.is_absolute() else place / key,
        known_hosts=place / "known_hosts",
    )


def check_files(target: Target) -> None:
    """The key must be ours alone to read, the known hosts ours alone to write. NotSetUp."""
    _check_mode(target.key, forbidden=0o077, what="private key", remedy="chmod 600")
    if target.known_hosts.exists():
        _check_mode(target.known_hosts, forbidden=0o022, what="known-hosts file", remedy="chmod 600")


def _check_mode(path: Path, *, forbidden: int, what: str, remedy: str) -> None:
    try:
        found = path.stat()
    except FileNotFoundError as exc:
        raise NotSetUp(f"The {what} {path} does not exist; docs/host-work.md says how to make it.") from exc
    except OSError as exc:
        raise NotSetUp(f"The {what} {path} cannot be looked at: {exc.strerror}.") from exc
    if not stat.S_ISREG(found.st_mode):
        raise NotSetUp(f"The {what} {path} is not a file.")
    if found.st_mode & forbidden:
        mode = stat.S_IMODE(found.st_mode)
        raise NotSetUp(f"The {what} {path} is open to others (mode {mode:o}), so it is not used: {remedy} {path}")


def _settings(path: Path, host: str) -> dict[str, Any]:
    """The data center's values with those of this host over them."""
    try:
        told = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise NotSetUp(f"{path} cannot be read: {exc}.") from exc
    single = told.pop("hosts", {})
    own = single.get(host, {}) if isinstance(single, dict) else None
    if not isinstance(own, dict) or not _KNOWN.issuperset(told) or not _KNOWN.issuperset(own):
        raise NotSetUp(f"{path} knows {', '.join(sorted(_KNOWN))}, and the same under [hosts.NAME].")
    merged = {**told, **own}
    if "address" in told:
        raise NotSetUp(f"{path}: an address belongs to one host, under [hosts.NAME].")
    return merged


def _address(host: Host, told: dict[str, Any]) -> str:
    """From ssh.toml, else from the URI an administrator gave; never what the host says of itself."""
    try:
        uri = parse_uri(host.uri)
    except UriRefused as exc:
        raise NotSetUp(f"The URI of {host} is refused: {exc}") from exc
    address = told.get("address", uri.host if uri.transport else "")
    if not address and uri.kind == "sim":
        raise NotSetUp(f"{host} is a simulated host: it has no shell that could run a command.")
    if not address:
        raise NotSetUp(f"{host.uri} names no address for SSH: give one in ssh.toml under [hosts.{host.name}].")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise NotSetUp(f"“{address}” is not a host name or address.")
    return address


def _port(told: dict[str, Any]) -> int:
    port = told.get("port", 22)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise NotSetUp(f"ssh.toml: “{port}” is not a port.")
    return port


def _user(told: dict[str, Any]) -> str:
    user = told.get("user", "root")
    if not isinstance(user, str) or not _USER.fullmatch(user):
        raise NotSetUp(f"ssh.toml: “{user}” is not a user name.")
    return user
