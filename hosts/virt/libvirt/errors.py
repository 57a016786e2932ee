"""libvirtError -> our tree, by code and domain, in one table: the first rule that fits decides.

libvirt's numbers are stable since ever; its texts are not, so a text decides only where one code means several things.
"""

import re
from dataclasses import dataclass

import libvirt

from hosts.virt.errors import (
    AccessRefused,
    HostLost,
    HostUnreachable,
    JobConflict,
    NoSuchDomain,
    OperationFailed,
    Unsupported,
    VirtError,
    WrongState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a table. ``None`` fits everything."""

    code: int | None
    domain: int | None = None
    text: re.Pattern[str] | None = None
    means: type[VirtError]

    def fits(self, code: int | None, domain: int | None, text: str) -> bool:
        return (
            self.code in (None, code)
            and self.domain in (None, domain)
            and (self.text is None or self.text.search(text) is not None)
        )


_RPC = libvirt.VIR_FROM_RPC
_ACCESS = tuple(
    Rule(code=code, means=AccessRefused)
    for code in (
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_CANCELLED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
        libvirt.VIR_ERR_ACCESS_DENIED,
        libvirt.VIR_ERR_OPERATION_DENIED,
    )
)

#: any call on an open connection
CALL: tuple[Rule, ...] = (
    Rule(
        code=libvirt.VIR_ERR_INTERNAL_ERROR,
        domain=libvirt.VIR_FROM_TEST,
        text=re.compile("already running|not running|not paused"),
        means=WrongState,
    ),
    # "client socket is closed", "connection closed due to keepalive timeout", "received hangup event on socket"
    Rule(code=libvirt.VIR_ERR_INTERNAL_ERROR, domain=_RPC, means=HostLost),
    # "End of file while reading data", "Cannot write data: Broken pipe"
    Rule(code=libvirt.VIR_ERR_SYSTEM_ERROR, domain=_RPC, means=HostLost),
    Rule(code=libvirt.VIR_ERR_RPC, means=HostLost),
    Rule(code=libvirt.VIR_ERR_INVALID_CONN, means=HostLost),
    *_ACCESS,
    Rule(code=libvirt.VIR_ERR_NO_DOMAIN, means=NoSuchDomain),
    Rule(code=libvirt.VIR_ERR_INVALID_DOMAIN, means=NoSuchDomain),
    Rule(code=libvirt.VIR_ERR_OPERATION_INVALID, means=WrongState),
    # "cannot acquire state change lock (held by …)", after 30 s
    Rule(code=libvirt.VIR_ERR_OPERATION_TIMEOUT, means=JobConflict),
    Rule(code=libvirt.VIR_ERR_RESOURCE_BUSY, means=JobConflict),
    Rule(code=libvirt.VIR_ERR_NO_SUPPORT, means=Unsupported),
    Rule(code=libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED, means=Unsupported),
    Rule(code=libvirt.VIR_ERR_OPERATION_UNSUPPORTED, means=Unsupported),
    Rule(code=None, means=OperationFailed),
)

#: calls on a migration's job: 55 says "no job is active" or "cannot be aborted in post-copy"
JOB: tuple[Rule, ...] = (
    Rule(
        code=libvirt.VIR_ERR_OPERATION_INVALID,
        text=re.compile("requires migration to be started with|domain is not running"),
        means=WrongState,
    ),
    Rule(code=libvirt.VIR_ERR_OPERATION_INVALID, means=JobConflict),
    *CALL,
)

#: opening a connection: nothing was asked of the host yet, so nothing is unknown
OPEN: tuple[Rule, ...] = (
    *_ACCESS,
    # ssh's own words come through libvirt as 38/7 "Cannot recv data: …"
    Rule(code=None, text=re.compile(r"[Pp]ermission denied|Host key verification failed"), means=AccessRefused),
    # ours is missing or unreadable, or theirs does not verify
    Rule(code=None, text=re.compile(r"certificate|x509|TLS handshake", re.IGNORECASE), means=AccessRefused),
    Rule(code=None, means=HostUnreachable),
)


def translate(exc: libvirt.libvirtError, rules: tuple[Rule, ...] = CALL) -> VirtError:
    """Our error for libvirt's, with its text, code and domain. Raise it ``from exc``."""
    code, domain, text = exc.get_error_code(), exc.get_error_domain(), str(exc)
    means = next(rule.means for rule in rules if rule.fits(code, domain, text))
    return means(text, code=code, domain=domain)
