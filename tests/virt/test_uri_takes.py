"""parse_uri takes what is listed, and nothing else whatever one feeds it."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.connect import ALLOWED, parse_uri
from hosts.virt.errors import UriRefused

TAKEN = [
    ("qemu:///system", "qemu", "", "", None),
    ("qemu+tcp://10.78.0.3/system", "qemu", "tcp", "10.78.0.3", None),
    ("qemu+tcp://h1.example.com:16510/system", "qemu", "tcp", "h1.example.com", 16510),
    ("qemu+tls://[2001:db8::1]/system", "qemu", "tls", "2001:db8::1", None),
    ("qemu+ssh://root@h1/system", "qemu", "ssh", "h1", None),
    ("qemu+ssh://h1:2222/system?mode=direct&no_tty=1", "qemu", "ssh", "h1", 2222),
    ("test:///default", "test", "", "", None),
    ("sim://prod-h01", "sim", "", "prod-h01", None),
    ("  qemu+tcp://h1/system\n", "qemu", "tcp", "h1", None),
]


@pytest.mark.parametrize(("text", "kind", "transport", "host", "port"), TAKEN)
def test_it_takes(text: str, kind: str, transport: str, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.kind, uri.transport, uri.host, uri.port) == (kind, transport, host, port)
    assert uri.text == text.strip()


_PIECES = (
    *("qemu", "test", "sim", "+tcp", "+tls", "+ssh", "+ext", "+unix", "+libssh2", ":", "://", "/", "//", "/system"),
    *("/default", "/session", "?", "&", ";", "=", "#", "@", "%", "mode=auto", "no_tty=1", "command=/bin/sh"),
    *("netcat=nc", "socket=/x", "h1", "root", "10.0.0.1", "[::1]", ":22", "-o", "..", "\u212a", "\x00", "\n", " "),
)
_PIECE = st.one_of(st.sampled_from(_PIECES), st.text(max_size=4))


def _holds(text: str) -> None:
    try:
        uri = parse_uri(text)
    except UriRefused:
        return
    parts = urlsplit(uri.text)
    scheme = parts.scheme.lower()
    assert scheme in ALLOWED
    assert uri.text.isascii()
    # libvirt splits parameters at & and at ;
    names = {part.partition("=")[0] for part in parts.query.replace(";", "&").split("&") if part}
    assert names <= set(ALLOWED[scheme])
    for name, value in parse_qsl(parts.query):
        assert ALLOWED[scheme][name].fullmatch(value)
    assert parts.path in {"/system", "/default", "/", ""}
    assert not uri.host.startswith("-")
    assert not (parts.username or "").startswith("-")
    assert parts.password is None


@given(st.lists(_PIECE, max_size=12).map("".join))
def test_it_takes_nothing_that_is_not_listed(text: str) -> None:
    _holds(text)


@given(
    st.sampled_from(sorted(ALLOWED)),
    st.sampled_from(["h1", "root@h1", "[::1]", "", "h1:22"]),
    st.sampled_from(["/system", "/default", "", "/x"]),
    st.lists(st.tuples(_PIECE, _PIECE).map("=".join), max_size=3).map("&".join),
)
def test_it_takes_no_parameter_that_is_not_listed(scheme: str, place: str, path: str, query: str) -> None:
    _holds(f"{scheme}://{place}{path}?{query}")
