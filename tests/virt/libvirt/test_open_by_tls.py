"""qemu+tls against a real daemon with certificates of its own CA: proven, refused, and silent.

libvirt looks for the client's certificate under /etc/pki only, so the client runs in a mount namespace of its own
with a private copy of /etc: nothing of the machine is touched.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.lab import Lab
from deploy.lab.daemon import configure

pytestmark = pytest.mark.lab

_CLIENT = """
import sys, time
from hosts.virt.connect import connect
from hosts.virt.errors import VirtError
began = time.monotonic()
try:
    driver = connect(sys.argv[1], deadline_s=4)
    print(driver.host_facts().uuid)
    driver.close()
except VirtError as exc:
    print(type(exc).__name__, exc)
print(time.monotonic() - began < 4.5)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A host that listens with TLS, and an /etc for its clients."""

    uri: str
    host_uuid: str
    etc: Path

    def ask(self) -> list[str]:
        """What a client says that opens the host: its UUID or the error, and whether it was in time."""
        inside = f'mount --bind {self.etc} /etc && exec "$@"'
        words = ["unshare", "-m", "sh", "-c", inside, "sh", sys.executable, "-c", _CLIENT, self.uri]
        done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().split("\n")


def _sign(folder: Path, name: str, *extensions: str) -> None:
    """``name``.key and ``name``.crt, signed by ca.key; the CA signs itself."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
    issuer = [] if name == "ca" else ["-CA", "ca.crt", "-CAkey", "ca.key"]
    added = [word for extension in extensions for word in ("-addext", extension)]
    words = ["openssl", "req", "-x509", "-days", "2", "-subj", f"/CN={name}", "-out", f"{name}.crt"]
    subprocess.run([*words, *key, *issuer, *added], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tls(lab: Lab, tmp_path: Path) -> Iterator[Tls]:
    host = next(plan for plan in lab.plan.hosts if plan.name == "h1")
    pki = host.root / "etc/libvirt/pki"
    pki.mkdir()
    _sign(pki, "ca")
    _sign(pki, "server", f"subjectAltName=IP:{host.address}", "basicConstraints=critical,CA:false")
    _sign(pki, "client", "basicConstraints=critical,CA:false")
    etc = tmp_path / "etc"
    shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
    for place, name in (("CA/cacert.pem", "ca.crt"), ("libvirt/clientcert.pem", "client.crt")):
        (etc / "pki" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pki / name, etc / "pki" / place)
    (etc / "pki/libvirt/private").mkdir()
    shutil.copy(pki / "client.key", etc / "pki/libvirt/private/clientkey.pem")

    lab.kill_daemon("h1")
    conf = host.root / "etc/libvirt/libvirtd.conf"
    files = "".join(
        f'{key} = "/etc/libvirt/pki/{name}"\n'
        for key, name in (("ca_file", "ca.crt"), ("cert_file", "server.crt"), ("key_file", "server.key"))
    )
    conf.write_text(conf.read_text().replace("listen_tls = 0", f"listen_tls = 1\n{files}"))
    lab.start_daemon("h1")
    yield Tls(uri=f"qemu+tls://{host.address}/system", host_uuid=host.host_uuid, etc=etc)
    lab.kill_daemon("h1")
    configure(host)
    shutil.rmtree(pki)
    lab.start_daemon("h1")


def test_it_opens_with_a_certificate_that_the_host_knows(tls: Tls) -> None:
    assert tls.ask() == [tls.host_uuid, "True"]


def test_it_says_that_our_own_certificate_is_missing(tls: Tls) -> None:
    shutil.rmtree(tls.etc / "pki")
    said, in_time = tls.ask()
    assert said.startswith("AccessRefused")
    assert "certificate" in said
    assert in_time == "True"


def test_it_refuses_a_host_whose_certificate_our_ca_did_not_sign(tls: Tls, tmp_path: Path) -> None:
    _sign(tmp_path, "ca")
    shutil.copy(tmp_path / "ca.crt", tls.etc / "pki/CA/cacert.pem")
    said, in_time = tls.ask()
    assert said.startswith("AccessRefused")
    assert in_time == "True"


def test_a_frozen_daemon_behind_tls_costs_the_deadline(tls: Tls, lab: Lab) -> None:
    lab.stop_daemon("h1")
    said, in_time = tls.ask()
    lab.cont_daemon("h1")
    assert said.startswith("HostTimeout")
    assert in_time == "True"
