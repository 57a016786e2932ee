"""Until when the certificates of qemu+tls hosts hold: a handshake with their port now and then, and nothing more.

libvirt does not tell. A daemon shows its certificate before it asks for ours, so that none is needed with TLS 1.3; the
one that libvirt's own client has is shown where we may read it. Nothing is trusted that is read here: whether the
certificate is a good one is judged by libvirt, when it connects.
"""

import logging
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from django.db.models import F, Q

from datacenter.models import HostCertificate
from hosts.models import Host
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 10.0
#: a host is looked at again after so long; after so long where it could not be
AGAIN, AGAIN_AFTER_ERROR = timedelta(hours=6), timedelta(minutes=30)
_PORT = 16514
_WITHIN_S = 5.0
_CLIENT = (Path("/etc/pki/libvirt/clientcert.pem"), Path("/etc/pki/libvirt/private/clientkey.pem"))


def look_at_one(*, clock: Clock = WALL) -> Host | None:
    """Look at the host whose turn it is; any worker may, since the turn is taken by an UPDATE."""
    now = clock.now()
    host = _due(now)
    if host is None:
        return None
    row, _ = HostCertificate.objects.get_or_create(host=host)
    mine = HostCertificate.objects.filter(pk=row.pk, looked_at=row.looked_at).update(looked_at=now)
    if not mine:
        return None
    try:
        not_after, subject = read(host.uri)
    except (OSError, ValueError) as exc:  # ValueError: what it showed is no certificate
        HostCertificate.objects.filter(pk=row.pk).update(error=str(exc)[:300])
        extra = {"action": "certificate_unread", "host": host.pk}
        log.info("The certificate of %s could not be looked at: %s", host, exc, extra=extra)
    else:
        HostCertificate.objects.filter(pk=row.pk).update(not_after=not_after, subject=subject[:300], error="")
    return host


def _due(now: datetime) -> Host | None:
    never = Q(certificate__isnull=True) | Q(certificate__looked_at=None)
    old = Q(certificate__error="", certificate__looked_at__lt=now - AGAIN)
    failed = ~Q(certificate__error="") & Q(certificate__looked_at__lt=now - AGAIN_AFTER_ERROR)
    rows = Host.objects.filter(uri__startswith="qemu+tls://").filter(never | old | failed)
    return rows.order_by(F("certificate__looked_at").asc(nulls_first=True), "pk").only("pk", "name", "uri").first()


def read(uri: str) -> tuple[datetime, str]:
    """When the certificate of the daemon at ``uri`` ends, and to whom it was issued. OSError; ValueError."""
    parts = urlsplit(uri)
    if not parts.hostname:
        raise ValueError("Its URI names no host.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is read, never trusted
    _show_ours(context)
    with (
        socket.create_connection((parts.hostname, parts.port or _PORT), timeout=_WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as line,
    ):
        shown = line.getpeercert(binary_form=True)
    if not shown:
        raise ValueError("It showed no certificate.")
    found = x509.load_der_x509_certificate(shown)
    return found.not_valid_after_utc.astimezone(UTC), found.subject.rfc4514_string()


def _show_ours(context: ssl.SSLContext) -> None:
    try:
        context.load_cert_chain(*_CLIENT)
    except (OSError, ssl.SSLError):  # not there, or not ours to read: TLS 1.3 does without
        return
