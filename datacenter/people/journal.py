"""What happens at the door, written down: who came in and how, who failed, who was locked out, what was changed.

A name that was typed and does not exist is not kept: people type their password into the wrong field.
"""

import logging
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import signals as auth
from django.contrib.auth.models import AnonymousUser
from django.dispatch import receiver
from django.http import HttpRequest

from datacenter import audit
from datacenter.models import User
from datacenter.people import sessions
from hosts.models import EventKind, Severity

log = logging.getLogger(__name__)

_FACTORS = {
    Authenticator.Type.TOTP: "authenticator app",
    Authenticator.Type.WEBAUTHN: "passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}
#: in a session: that this person has a second factor was looked up (gate.py)
PROVED = "godwit_second_factor"
_HOW = {"password": "password", "socialaccount": "single sign-on", "mfa": "second factor"}


def write(
    actor: Any, verb: str, user: User, detail: str = "", *, severity: Severity = Severity.NOTICE, refused: bool = False
) -> None:
    """One event about ``user``'s account, and one line in the log, without what was typed."""
    log.info("%s: %s", verb, user.pk, extra={"action": verb, "user": user.pk})
    audit.record(actor, verb, user, detail=detail, refused=refused, severity=severity, kind=EventKind.SECURITY)


def place(request: HttpRequest | None) -> str:
    """ "from 192.0.2.7"."""
    address = sessions.address_of(request) if request is not None else None
    return f"from {address or 'an unknown address'}"


@receiver(account.user_logged_in)
def came_in(request: HttpRequest, user: User, **_: Any) -> None:
    records = request.session.get("account_authentication_methods") or []
    ways = [_way(each) for each in records if isinstance(each, dict)]
    how = " and ".join(dict.fromkeys(ways)) or "password"
    write(user, "sign_in", user, f"By {how}, {place(request)}.", severity=Severity.INFO)


def _way(record: dict[str, Any]) -> str:
    if record.get("method") == "mfa":
        return _FACTORS.get(record.get("type"), "second factor")
    return _HOW.get(str(record.get("method")), "password")


@receiver(auth.user_login_failed)
def failed(request: HttpRequest | None = None, credentials: dict[str, Any] | None = None, **_: Any) -> None:
    if request is None or getattr(request, "axes_locked_out", False):
        return  # locked out is said once, below
    user = User.objects.filter(username=(credentials or {}).get("username") or "").first()
    what = "A wrong second factor" if getattr(request, "second_factor", False) else "A wrong password"
    if user is None:
        user, what = User(username="a name that does not exist"), "No such user"
    elif not user.is_active:
        what = "The account is deactivated"
    write(AnonymousUser(), "sign_in_failed", user, f"{what}, {place(request)}.", severity=Severity.WARNING)


@receiver(user_locked_out)
def locked_out(request: HttpRequest, username: str | None = None, **_: Any) -> None:
    user = User.objects.filter(username=username or "").first() or User(username="a name that does not exist")
    detail = f"{settings.LOCK_OUT_AFTER} failed tries {place(request)}: no more for {settings.LOCK_OUT_MINUTES} min."
    write(AnonymousUser(), "lock_out", user, detail, severity=Severity.WARNING)


@receiver(auth.user_logged_out)
def went_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        sessions.forget(request)
        write(user, "sign_out", user, severity=Severity.INFO)


@receiver(auth.user_logged_in)
def begins(request: HttpRequest, user: User, **_: Any) -> None:
    sessions.begin(request, user)


@receiver(mfa.authenticator_added)
def factor_added(user: User, authenticator: Authenticator, **_: Any) -> None:
    write(user, "second_factor_added", user, f"{_FACTORS[Authenticator.Type(authenticator.type)].capitalize()}.")


@receiver(mfa.authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    request.session.pop(PROVED, None)
    said = f"{_FACTORS[Authenticator.Type(authenticator.type)].capitalize()}."
    write(user, "second_factor_removed", user, said, severity=Severity.WARNING)


@receiver(mfa.authenticator_reset)
def factor_renewed(user: User, authenticator: Authenticator, **_: Any) -> None:
    write(user, "recovery_codes_made", user, "New recovery codes; those before do not count any more.")


@receiver(mfa.authentication_failed)
def factor_failed(request: HttpRequest, user: User, **_: Any) -> None:
    """Counts for the lock-out as a wrong password does."""
    request.second_factor = True  # type: ignore[attr-defined]
    auth.user_login_failed.send(sender=__name__, credentials={"username": user.get_username()}, request=request)
