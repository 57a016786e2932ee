"""The link of a display: made once, shown once, kept as a hash, compared in constant time."""

import hashlib
import re
import secrets
from datetime import datetime

from django.utils.crypto import constant_time_compare

from datacenter.models import Display

#: handle and secret: 50 and 256 bits
_LINK = re.compile(r"(?P<handle>[a-z2-7]{10})\.(?P<secret>[A-Za-z0-9_-]{43})")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NOTHING = hashlib.sha256(b"").hexdigest()


def new_link(display: Display) -> str:
    """Give the row a new link (not saved yet) and return it: it is not to be had a second time."""
    handle = "".join(secrets.choice(_LETTERS) for _ in range(10))
    secret = secrets.token_urlsafe(32)
    display.handle, display.secret_hash = handle, _hash(secret)
    return f"{handle}.{secret}"


def display_of(link: object) -> Display | None:
    """The display with this link, ended ones too; None where there is none. One query.

    The handle finds the row; whether the secret is right takes as long whatever it is, and whether there is a row.
    """
    match = _LINK.fullmatch(link) if isinstance(link, str) and len(link) < 80 else None
    if match is None:
        return None
    display = Display.objects.filter(handle=match["handle"]).first()
    right = constant_time_compare(_hash(match["secret"]), display.secret_hash if display else _NOTHING)
    return display if right else None


def ended(display: Display, now: datetime) -> str:
    """Why it shows nothing any more, for whoever stands before it; "" while it shows."""
    if display.revoked_at is not None:
        return "An administrator has ended this display."
    if display.expires_at is not None and display.expires_at <= now:
        return f"The link of this display was good until {display.expires_at:%-d %B %Y, %H:%M} UTC."
    return ""


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
