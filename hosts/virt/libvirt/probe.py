"""Asking a daemon for a sign of life before libvirt does.

libvirt's own connect has no deadline: a host that drops packets costs 135 s, a frozen daemon (its kernel still
accepts) hangs the thread for ever. So we first speak to the address ourselves, with a timeout: over TCP and the local
socket one call of libvirt's protocol that needs no login (AUTH_LIST), over TLS the handshake. Whatever is answered,
refusal included, is a sign of life; what it means, libvirt shall say.

Over SSH nothing is asked here: ssh knows names and jumps that we do not. It gets its own timeouts (``ssh-quietly``).
"""

import socket
import ssl
import struct
from pathlib import Path

from hosts.virt.clock import WALL
from hosts.virt.connect import HostUri
from hosts.virt.errors import HostTimeout, HostUnreachable

PORTS = {"tcp": 16509, "tls": 16514}
SOCKETS = (Path("/run/libvirt/libvirt-sock"), Path("/run/libvirt/virtqemud-sock"))

# length, program, version, procedure 66 = AUTH_LIST, type 0 = call, serial, status 0 = ok (libvirt's rpc/, XDR)
_AUTH_LIST = struct.pack(">7I", 28, 0x20008086, 1, 66, 0, 1, 0)


def ask_for_life(uri: HostUri, *, deadline_s: float) -> None:
    """Return when the daemon answers. HostUnreachable: nobody there. HostTimeout: somebody, who says nothing."""
    until = WALL.monotonic() + deadline_s
    if uri.transport in PORTS:
        with _tcp(uri.host, uri.port or PORTS[uri.transport], deadline_s) as plain:
            _hear(plain, tls=uri.transport == "tls", until=until, where=uri.host)
    elif uri.kind == "qemu" and not uri.transport:
        path = next((path for path in SOCKETS if path.is_socket()), None)
        if path is None:
            return  # libvirt may know of another
        with _local(path, deadline_s) as plain:
            _hear(plain, tls=False, until=until, where=str(path))


def _tcp(host: str, port: int, timeout_s: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=timeout_s)
    except TimeoutError as exc:
        raise HostTimeout(f"{host} port {port} did not answer within {timeout_s:g} s.") from exc
    except OSError as exc:
        raise HostUnreachable(f"{host} port {port} cannot be reached: {exc.strerror or exc}.") from exc


def _local(path: Path, timeout_s: float) -> socket.socket:
    plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    plain.settimeout(timeout_s)
    try:
        plain.connect(str(path))
    except OSError as exc:
        plain.close()
        means = HostTimeout if isinstance(exc, (TimeoutError, BlockingIOError)) else HostUnreachable
        raise means(f"The libvirt daemon of this machine cannot be reached at {path}: {exc}.") from exc
    return plain


def _hear(plain: socket.socket, *, tls: bool, until: float, where: str) -> None:
    """Say something and wait for the first byte."""
    plain.settimeout(max(0.05, until - WALL.monotonic()))
    try:
        if tls:
            _handshake(plain)
        else:
            plain.sendall(_AUTH_LIST)
            plain.recv(1)
    except TimeoutError as exc:
        raise HostTimeout(f"{where} accepts connections, but its libvirt daemon says nothing.") from exc
    except OSError:
        return  # reset or refused by the daemon: alive, and libvirt's own attempt will say why


def _handshake(plain: socket.socket) -> None:
    """A TLS handshake that proves nothing but life: certificates are libvirt's business, which checks them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(plain):
        pass
