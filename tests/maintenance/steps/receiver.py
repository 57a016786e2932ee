"""A real HTTP server on the loopback that takes webhooks, well or badly."""

import datetime
import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Got:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers``: what is said to the first, the second … request; the last one to all that follow."""

    port: int = 0
    answers: list[int | str] = field(default_factory=lambda: [200])
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://hook.test:{self.port}/in?a=b"


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        to = self.receiver
        to.got.append(Got(path=self.path, headers=dict(self.headers), body=body))
        answer = to.answers[min(len(to.got), len(to.answers)) - 1]
        with suppress(OSError):  # a client that has heard enough goes
            getattr(self, f"_{answer}", lambda: self._say(int(answer), b"as you wish\n"))()

    do_GET = do_POST

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, told in headers.items():
            self.send_header(name, told)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self) -> None:
        self._say(302, b"", Location=f"http://hook.test:{self.receiver.port}/elsewhere")

    def _slow(self) -> None:
        time.sleep(8.0)

    def _drip(self) -> None:
        """A header byte now and then: no single reading ever times out."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(80):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def _big(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(20_000):
            self.wfile.write(b"x" * 65536)

    def _close(self) -> None:
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def receive(*, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Serve, over TLS with ``certificate`` (chain, key)."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for ``name``: its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(tz=datetime.UTC)
    try:
        who: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        who = x509.DNSName(name)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([who]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (folder / f"{name}.pem", folder / f"{name}.key")
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
