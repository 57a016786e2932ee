"""Certificates of the lab's own, with which its hosts send a guest's memory by TLS.

QEMU takes them from one folder (qemu.conf, migrate_tls_x509_cert_dir): as the destination it shows ``server-cert.pem``,
as the source ``client-cert.pem``, and both must be signed by the CA of ``ca-cert.pem``. The source checks that the
server's certificate is for the address it was told to send to.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.lab.daemon import configure
from deploy.lab.machine import run
from deploy.lab.plan import HostPlan

#: where a host's own root folder has them, and where its processes see them
FOLDER = "etc/libvirt/migration-pki"
SETTINGS = f'migrate_tls_x509_cert_dir = "/{FOLDER}"\nmigrate_tls_x509_verify = 1\n'


def certify(hosts: list[HostPlan], authority: Path) -> None:
    """Give each host a server's and a client's certificate of one CA, made in ``authority`` unless it is there.

    The hosts' daemons must be started anew to see them.
    """
    authority.mkdir(parents=True, exist_ok=True)
    if not (authority / "ca.crt").exists():
        sign(authority, "ca")
    for host in hosts:
        folder = host.root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for role, names in (("server", f"IP:{host.address},DNS:{host.hostname}"), ("client", f"DNS:{host.hostname}")):
            sign(authority, f"{host.name}-{role}", f"subjectAltName={names}", "basicConstraints=critical,CA:false")
            for ending, kind in (("crt", "cert"), ("key", "key")):
                shutil.copy(authority / f"{host.name}-{role}.{ending}", folder / f"{role}-{kind}.pem")
        shutil.copy(authority / "ca.crt", folder / "ca-cert.pem")
        with (host.root / "etc/libvirt/qemu.conf").open("a") as conf:
            conf.write(SETTINGS)


def forget(hosts: list[HostPlan]) -> None:
    """As the lab made them, without certificates."""
    for host in hosts:
        configure(host)
        shutil.rmtree(host.root / FOLDER, ignore_errors=True)


def sign(folder: Path, name: str, *extensions: str) -> None:
    """``name``.key and ``name``.crt, good for two days, signed by ca.key; the CA signs itself."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]
    issuer = [] if name == "ca" else ["-CA", "ca.crt", "-CAkey", "ca.key"]
    added = [word for extension in extensions for word in ("-addext", extension)]
    subject = ["-subj", f"/CN={name}", "-out", f"{name}.crt"]
    run("openssl", "req", "-x509", "-days", "2", *subject, *key, *issuer, *added, cwd=folder)
