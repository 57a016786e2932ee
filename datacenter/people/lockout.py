"""Who failed too often waits (django-axes). By name and address together: nobody is shut out from elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest
from django.utils import timezone

from datacenter.models import User
from datacenter.people import sessions


def is_locked(request: HttpRequest, username: str) -> bool:
    """Whether tries for this name from this address are refused unread."""
    return not AxesProxyHandler.is_allowed(request, {"username": username})


def until(request: HttpRequest, username: str) -> datetime | None:
    """When tries for this name from this address are read again; None where they are."""
    tries = _recent().filter(username=username, ip_address=sessions.address_of(request))
    said = tries.aggregate(count=Sum("failures_since_start"), last=Max("attempt_time"))
    if (said["count"] or 0) < settings.LOCK_OUT_AFTER:
        return None
    last: datetime = said["last"]
    return last + settings.AXES_COOLOFF_TIME


def locked_names(users: Iterable[User]) -> dict[str, datetime]:
    """Those of ``users`` who are locked out from somewhere -> until when. One query."""
    names = [user.get_username() for user in users]
    tries = _recent().filter(username__in=names).values("username", "ip_address")
    counted = tries.annotate(count=Sum("failures_since_start"), last=Max("attempt_time")).order_by("last")
    return {
        row["username"]: row["last"] + settings.AXES_COOLOFF_TIME
        for row in counted
        if row["count"] >= settings.LOCK_OUT_AFTER
    }


def unlock(user: User) -> int:
    """Forget the failed tries for this name; how many places had some."""
    count: int = AccessAttempt.objects.filter(username=user.get_username()).delete()[0]
    return count


def _recent() -> Any:
    return AccessAttempt.objects.filter(attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME)
