"""Which addresses a webhook may go to: none of our own network, unless an administrator has opened it.

A URL is an administrator's, but a name's address is anybody's: it is looked up once, checked, and that address is
connected to (a second look-up could give another one). Networks are opened by ``GODWIT_WEBHOOK_NETWORKS``.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], list[str]]

_NAT64 = ip_network("64:ff9b::/96")
_LONGEST = 1000


class UrlRefused(ValueError):
    """This URL is not one that a webhook may have: a sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A URL taken apart: what is asked for, and whom."""

    url: str
    scheme: str
    host: str
    port: int


def check_url(url: str) -> Place:
    """Take a URL apart and refuse what no webhook may have. No name is looked up. UrlRefused."""
    if not url or len(url) > _LONGEST or not url.isascii() or any(ord(each) <= 32 or each in "\\\x7f" for each in url):
        raise UrlRefused("A webhook's URL has up to 1,000 ASCII characters and no spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise UrlRefused(f"This is not a URL: {exc}.") from exc
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise UrlRefused("A webhook's URL begins with https:// or http:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("A password does not belong in a URL; the webhook is signed instead.")
    if parts.fragment:
        raise UrlRefused("A webhook's URL has no fragment (#…).")
    _check_literal(parts.hostname)
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    return Place(url=url, scheme=parts.scheme, host=parts.hostname, port=port)


def _check_literal(host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        return
    check_address(address)


def resolve(place: Place, *, resolver: Resolver | None = None) -> str:
    """The one address to connect to. UrlRefused if any that the name has is not open; OSError if it has none."""
    found = (resolver or _look_up)(place.host, place.port)
    if not found:
        raise OSError(f"The name {place.host} has no address.")
    for each in found:
        check_address(ip_address(each.partition("%")[0]))
    return found[0]


def _look_up(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check_address(address: Address) -> None:
    """Refuse private, loopback, link-local and other special addresses that no setting opens. UrlRefused."""
    inner = _inner(address)
    for network in opened():
        if inner.version == network.version and inner in network:
            return
    if not inner.is_global or inner.is_multicast or inner.is_reserved:
        raise UrlRefused(
            f"{address} is not a public address. An administrator can open a network with GODWIT_WEBHOOK_NETWORKS."
        )


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one: it is that which is reached."""
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def opened() -> list[Network]:
    """The networks that the setting opens. UrlRefused where it cannot be read."""
    try:
        return [ip_network(each.strip()) for each in settings.WEBHOOK_NETWORKS if each.strip()]
    except ValueError as exc:
        raise UrlRefused(f"GODWIT_WEBHOOK_NETWORKS cannot be read: {exc}.") from exc
