"""Opening a host ends in time and says why, whatever answers at its address, or does not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hosts.virt.connect import connect, parse_uri
from hosts.virt.errors import AccessRefused, HostTimeout, HostUnreachable, VirtError
from hosts.virt.libvirt import opening, probe
from hosts.virt.libvirt.deadline import abandoned_threads

DEADLINE_S = 1.0


@contextmanager
def listening(serve: Callable[[socket.socket], None] | None = None) -> Iterator[int]:
    """A server on a free port of loopback. Without ``serve`` it accepts (its kernel does) and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def run() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                held.append(peer)
                if serve is not None:
                    serve(peer)

        if serve is not None:
            threading.Thread(target=run, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for peer in held:
                peer.close()


def _open(uri: str) -> tuple[VirtError, float]:
    began = time.monotonic()
    with pytest.raises(VirtError) as raised:
        connect(uri, deadline_s=DEADLINE_S)
    return raised.value, time.monotonic() - began


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_daemon_that_says_nothing_costs_the_deadline_and_no_thread(transport: str) -> None:
    before = abandoned_threads()
    with listening() as port:
        error, took = _open(f"qemu+{transport}://127.0.0.1:{port}/system")
    assert type(error) is HostTimeout
    assert "says nothing" in str(error)
    assert took <= DEADLINE_S + 0.2
    assert abandoned_threads() == before


def test_a_closed_port_is_said_at_once() -> None:
    with listening() as port:
        pass
    error, took = _open(f"qemu+tcp://127.0.0.1:{port}/system")
    assert type(error) is HostUnreachable
    assert "refused" in str(error)
    assert took < 0.5


def test_a_name_that_is_nobodys_is_unreachable_or_late_but_in_time() -> None:
    error, took = _open("qemu+tcp://nobody.invalid/system")
    assert isinstance(error, (HostUnreachable, HostTimeout))
    assert took <= DEADLINE_S + 0.2


def test_a_server_of_another_kind_is_unreachable() -> None:
    with listening(lambda peer: peer.close()) as port:
        error, took = _open(f"qemu+tcp://127.0.0.1:{port}/system")
    assert type(error) is HostUnreachable
    assert took <= DEADLINE_S + 0.2


def test_a_server_of_another_kind_behind_tls_is_refused_or_unreachable() -> None:
    with listening(lambda peer: peer.sendall(b"SSH-2.0-OpenSSH\r\n")) as port:
        error, took = _open(f"qemu+tls://127.0.0.1:{port}/system")
    assert isinstance(error, (HostUnreachable, AccessRefused))
    assert took <= DEADLINE_S + 0.2


def _answer_once_then_hang(peer: socket.socket) -> None:
    """The probe gets its byte; libvirt's own handshake then hangs, as with a daemon frozen in between."""
    if peer.recv(28):
        peer.sendall(b"\x00")


def test_where_the_probe_is_answered_and_libvirt_hangs_the_thread_is_given_up_counted_and_bounded() -> None:
    before = abandoned_threads()
    with listening(_answer_once_then_hang) as port:
        uri = f"qemu+tcp://127.0.0.1:{port}/system"
        for hung in range(1, opening.MOST_HUNG + 1):
            error, took = _open(uri)
            assert type(error) is HostTimeout
            assert took <= DEADLINE_S + 0.2
            assert abandoned_threads() == before + hung
        error, took = _open(uri)
        assert "still hang" in str(error)
        assert took < 0.1
    # the server is gone: libvirt's calls come back, and with them the threads
    end = time.monotonic() + 5
    while abandoned_threads() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert abandoned_threads() == before


def test_ssh_never_asks_and_notices_a_silent_host() -> None:
    text = opening.opened_text(parse_uri("qemu+ssh://root@h1:2222/system?mode=direct"))
    assert text.startswith("qemu+ssh://root@h1:2222/system?mode=direct&no_tty=1&command=")
    script = opening._SSH.read_text()
    assert "BatchMode=yes" in script
    assert "ConnectTimeout=" in script
    assert "StrictHostKeyChecking" not in script
    assert opening._SSH.stat().st_mode & 0o111


@pytest.mark.parametrize("text", ["qemu+tcp://h1/system", "qemu+tls://h1/system", "qemu:///system", "test:///default"])
def test_other_transports_are_opened_as_they_were_checked(text: str) -> None:
    assert opening.opened_text(parse_uri(text)) == text


def test_the_local_daemon_is_asked_at_its_socket(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = probe.Path(str(tmp_path)) / "libvirt-sock"
    monkeypatch.setattr(probe, "SOCKETS", (path,))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1)
        error, took = _open("qemu:///system")
    assert type(error) is HostTimeout
    assert took <= DEADLINE_S + 0.2
