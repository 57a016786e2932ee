"""Where people are signed in: a row for each browser, kept beside Django's session, and the end of either.

Django's session is the truth: a row whose session is gone says nothing and is swept when somebody looks. The session
carries a note (our row, the key it was last known under, when it was last seen), so that a request costs no query
but one a minute.
"""

import ipaddress
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from datacenter.models import User, UserSession
from hosts import feed

NOTE = "godwit_browser"
SEEN_EVERY_S = 60


def address_of(request: HttpRequest) -> str | None:
    """Where the request comes from, as the web server knows it; None if that is no address."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def begin(request: HttpRequest, user: User) -> None:
    """Somebody signed in."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()  # nobody else sweeps them
    key = request.session.session_key
    if key is None:
        return
    agent = request.META.get("HTTP_USER_AGENT", "")[:300].replace("\x00", "")
    given = {"user": user, "address": address_of(request), "agent": agent}
    row, _ = UserSession.objects.update_or_create(key=key, defaults=given)
    _note(request, row.pk)


def follow(request: HttpRequest) -> None:
    """At each request of somebody who is signed in: keep up with the session's key, and when it was last seen."""
    note = request.session.get(NOTE)
    if not isinstance(note, dict):
        begin(request, request.user)  # type: ignore[arg-type]  # asked before: signed in
        return
    now = timezone.now()
    if note["key"] == request.session.session_key and now.timestamp() - note["seen"] < SEEN_EVERY_S:
        return
    UserSession.objects.filter(pk=note["row"]).update(
        key=request.session.session_key, seen_at=now, address=address_of(request)
    )
    _note(request, note["row"])


def _note(request: HttpRequest, row: int) -> None:
    request.session[NOTE] = {"row": row, "key": request.session.session_key, "seen": timezone.now().timestamp()}


def forget(request: HttpRequest) -> None:
    """Somebody signs out here: Django ends the session itself."""
    note = request.session.get(NOTE)
    if isinstance(note, dict):
        UserSession.objects.filter(pk=note["row"]).delete()
    if request.user.pk is not None:
        tell(request.user.pk)


def open_sessions(user: User) -> QuerySet[UserSession]:
    """Where ``user`` is signed in, newest first. What has run out is swept."""
    alive = Exists(Session.objects.filter(session_key=OuterRef("key"), expire_date__gt=timezone.now()))
    UserSession.objects.filter(~alive, user=user).delete()
    return user.browsers.all()


@transaction.atomic
def end(user: User, *, but: str | None = None, only: int | None = None) -> int:
    """End sessions of ``user``: all, all but the one with the key ``but``, or the one ``only``. How many were open."""
    rows = open_sessions(user)
    if but is not None:
        rows = rows.exclude(key=but)
    if only is not None:
        rows = rows.filter(pk=only)
    keys = list(rows.values_list("key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(key__in=keys).delete()
    tell(user.pk)
    return len(keys)


def tell(user: int) -> None:
    """After the commit, every web process looks at this user's sockets again: those of ended sessions close."""
    feed.changed(User.noun, user)


def key_of(request: HttpRequest) -> str | None:
    """The session of this request, to be marked in a list."""
    key: Any = request.session.session_key
    return str(key) if key else None
