"""Opening a host by its URI. URIs are an attack surface: only what is listed here passes.

``qemu+ext://`` runs a command, and ``command=``, ``netcat=``, ``socket=``, ``keyfile=`` read or run things on our
machine; so transports and parameters are an allow-list, checked in the form, in the API and once more here.
"""

import re
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import parse_qsl, urlsplit

from hosts.virt.driver import Driver
from hosts.virt.errors import UriRefused

#: scheme -> parameters that may follow, each with the pattern of its value
ALLOWED: dict[str, dict[str, re.Pattern[str]]] = {
    "qemu": {},
    "qemu+tls": {},
    "qemu+ssh": {"mode": re.compile(r"auto|legacy|direct"), "no_tty": re.compile(r"1")},
    "qemu+tcp": {},
    "test": {},
    "sim": {},
}

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9a-fA-F:]{2,45}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_PATHS = {
    "qemu": re.compile(r"/system"),
    "test": re.compile(r"/default"),  # any other path would read a file on our machine
    "sim": re.compile(r"/?"),
}
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUri:
    """A URI that passed: ``text`` is what may be opened, ``kind`` picks the driver."""

    text: str
    kind: str  # qemu, test, sim
    transport: str  # "", tls, ssh, tcp
    host: str
    port: int | None


def parse_uri(text: str) -> HostUri:
    """Take a URI apart and refuse whatever is not listed. Raises UriRefused with a sentence for the person."""
    text = text.strip()
    # beyond ASCII too: what urlsplit lower-cases or normalises would be checked as one host and opened as another
    if not text or len(text) > _LONGEST or re.search(r"[^\x21-\x7e]|\\", text):
        raise UriRefused(
            "A host URI is up to 300 ASCII characters without spaces, such as qemu+tls://h1.example.com/system."
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise UriRefused(f"This is not a URI: {exc}.") from exc
    scheme = parts.scheme.lower()
    if scheme not in ALLOWED:
        raise UriRefused(f"“{scheme or text}” is not an allowed transport. Allowed: {', '.join(sorted(ALLOWED))}.")
    kind, _, transport = scheme.partition("+")
    _check_place(kind, transport, parts.hostname, parts.username, parts.password)
    if not _PATHS[kind].fullmatch(parts.path):
        raise UriRefused(f"The path “{parts.path}” is not allowed here; a QEMU host's URI ends in /system.")
    _check_parameters(scheme, parts.query, parts.fragment)
    return HostUri(text=text, kind=kind, transport=transport, host=parts.hostname or "", port=port)


def _check_place(kind: str, transport: str, host: str | None, user: str | None, password: str | None) -> None:
    if password is not None:
        raise UriRefused("A password does not belong in a URI; use keys or certificates.")
    if transport and not host:
        raise UriRefused("The URI names no host.")
    if not transport and host and kind != "sim":
        raise UriRefused(f"{kind}:/// is a daemon on this machine and takes no host; use qemu+tls or qemu+ssh.")
    if kind == "sim" and not host:
        raise UriRefused("A simulated host is sim://NAME.")
    if host and not _HOST.fullmatch(host):
        raise UriRefused(f"“{host}” is not a host name or address.")
    if user is not None and (transport != "ssh" or not _USER.fullmatch(user)):
        raise UriRefused("Only qemu+ssh takes a user, of lower-case letters, digits, - and _.")


def _check_parameters(scheme: str, query: str, fragment: str) -> None:
    if fragment:
        raise UriRefused("A host URI has no fragment (#…).")
    for name, value in parse_qsl(query, keep_blank_values=True):
        pattern = ALLOWED[scheme].get(name)
        if pattern is None:
            listed = ", ".join(sorted(ALLOWED[scheme])) or "none"
            raise UriRefused(f"The parameter “{name}” is not allowed for {scheme} (allowed: {listed}).")
        if not pattern.fullmatch(value):
            raise UriRefused(f"“{value}” is not allowed for the parameter “{name}”.")


def connect(uri: str, *, deadline_s: float = 10.0) -> Driver:
    """Open the host at ``uri`` within ``deadline_s``; every later call of the driver gets the same deadline.

    Raises UriRefused, HostUnreachable, HostTimeout, AccessRefused.
    """
    parsed = parse_uri(uri)
    # imported by need: a machine without libvirt's C library still runs the simulated datacenter
    name = "hosts.virt.sim.driver" if parsed.kind == "sim" else "hosts.virt.libvirt.driver"
    driver: Driver = import_module(name).open_driver(parsed, deadline_s=deadline_s)
    return driver
