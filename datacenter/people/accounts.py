"""Looking after accounts: made, deactivated, passwords and second factors reset. Each is asked for, and written down.

Whoever is the last that may administer stays one: people are locked while it is looked (``_others_administer``).
"""

import re
import secrets
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from datacenter.access import SYSTEM, Verb, administrators, can
from datacenter.models import User
from datacenter.people import journal, lockout, sessions
from hosts.models import Severity

#: without characters that are mistaken for each other when they are read out
_LETTERS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_NAME = re.compile(r"[\w.@+-]{1,150}")
#: what the log of events calls others than people
_TAKEN = frozenset({"godwit", "anonymous", "policy", "plan", "token", "outside"})


class Refused(Exception):
    """It is not done; the message says why. ``field``: of the form, where it is about one."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def random_password() -> str:
    """Sixteen letters and digits, 93 bits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(16))


def check_name(name: str) -> None:
    """Refused where no account may be called so."""
    if not _NAME.fullmatch(name):
        raise Refused("Letters, digits and . @ + - _ only, at most 150.", field="username")
    if name.lower() in _TAKEN:
        raise Refused(f"“{name}” stands for others than people here.", field="username")
    if User.objects.filter(username__iexact=name).exists():
        raise Refused("Somebody is called so already.", field="username")


@transaction.atomic
def add(actor: Any, username: str, *, name: str = "", email: str = "", administrator: bool = False) -> tuple[User, str]:
    """A local account with a random password, to be changed at the first sign-in. The account and the password."""
    _ask(actor)
    if administrator and not actor.is_superuser:
        raise Refused("Only an administrator may make one.", field="administrator")
    check_name(username)
    password = random_password()
    user = User(username=username, email=email, first_name=name, is_superuser=administrator, must_change_password=True)
    user.set_password(password)
    user.save()
    journal.write(actor, "user_added", user, "As an administrator." if administrator else "")
    return user, password


@transaction.atomic
def deactivate(actor: Any, user: User) -> None:
    """They can not sign in any more; their sessions end. Their name stays in what they did."""
    _ask(actor, user)
    with_others = _others_administer(user)
    if user.pk == getattr(actor, "pk", None):
        raise Refused("You can not deactivate your own account.")
    if not with_others:
        raise Refused(f"{user} is the last administrator: without one nobody could let anybody in again.")
    User.objects.filter(pk=user.pk).update(is_active=False)
    ended = sessions.end(user)
    journal.write(
        actor, "user_deactivated", user, f"{ended} sessions ended." if ended else "", severity=Severity.WARNING
    )


@transaction.atomic
def activate(actor: Any, user: User) -> None:
    """They may sign in again, as before."""
    _ask(actor, user)
    User.objects.filter(pk=user.pk).update(is_active=True)
    journal.write(actor, "user_activated", user)


@transaction.atomic
def make_administrator(actor: Any, user: User, wanted: bool) -> None:
    """May do everything, or only what roles allow."""
    _ask(actor)
    if not actor.is_superuser:
        raise Refused("Only an administrator may make one, or take it back.")
    if not wanted and not _others_administer(user):
        raise Refused(f"{user} is the last administrator.")
    User.objects.filter(pk=user.pk).update(is_superuser=wanted)
    sessions.tell(user.pk)
    verb = "administrator_made" if wanted else "administrator_unmade"
    journal.write(actor, verb, user, severity=Severity.WARNING)


@transaction.atomic
def reset_password(actor: Any, user: User) -> str:
    """A random one, shown once, to be changed at the next sign-in; sessions end. Refused where another keeps it."""
    _ask(actor, user)
    if user.source != User.Source.LOCAL:
        raise Refused(f"The password of {user} is kept by {User.Source(user.source).label}, not by Godwit.")
    password = random_password()
    user.set_password(password)
    user.must_change_password = True
    user.save(update_fields=["password", "must_change_password"])
    sessions.end(user)
    lockout.unlock(user)
    journal.write(actor, "password_reset", user, severity=Severity.WARNING)
    return password


@transaction.atomic
def reset_second_factor(actor: Any, user: User) -> int:
    """Authenticator app, passkeys and recovery codes count no more; sessions end. How many there were."""
    _ask(actor, user)
    count: int = Authenticator.objects.filter(user=user).delete()[0]
    sessions.end(user)
    journal.write(actor, "second_factor_reset", user, severity=Severity.WARNING)
    return count


@transaction.atomic
def unlock(actor: Any, user: User) -> None:
    """Failed tries are forgotten: the next one is read."""
    _ask(actor, user)
    lockout.unlock(user)
    journal.write(actor, "user_unlocked", user)


@transaction.atomic
def end_session(actor: Any, user: User, only: int | None = None) -> int:
    """End one session of ``user`` or all. How many ended."""
    _ask(actor, user)
    ended = sessions.end(user, only=only)
    if ended:
        journal.write(actor, "session_ended", user, "One session." if only else f"All {ended} sessions.")
    return ended


def first_administrator(actor: Any, username: str = "admin") -> tuple[User, str] | None:
    """An administrator with a random password, where nobody may administer; None where somebody may."""
    with transaction.atomic():
        if administrators().exists():
            return None
        name = username if not User.objects.filter(username__iexact=username).exists() else f"{username}-{_tag()}"
        return add(actor, name, administrator=True)


@transaction.atomic
def rescue(actor: Any, user: User) -> str:
    """From the command line: an administrator who can sign in, whatever became of the account. The new password."""
    _ask(actor)
    user.is_active = user.is_superuser = True
    user.source = User.Source.LOCAL
    user.save(update_fields=["is_active", "is_superuser", "source"])
    reset_second_factor(actor, user)
    return reset_password(actor, user)


def _tag() -> str:
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))


def _ask(actor: Any, about: User | None = None) -> None:
    """Refused to whom no role allows it; about an administrator, to all but administrators."""
    if not can(actor, Verb.ADMINISTER, SYSTEM):
        raise Refused("Only an administrator may do that.")
    if about is not None and about.is_superuser and not actor.is_superuser:
        raise Refused("Only an administrator may do that to an administrator.")


def _others_administer(user: User) -> bool:
    """Whether somebody but ``user`` may administer. Two who take each other's right away wait for each other here."""
    list(User.objects.filter(is_active=True).order_by("pk").select_for_update().values_list("pk"))
    return administrators().exclude(pk=user.pk).exists()
