"""Idempotency-Key: the same POST twice is done once, and answered twice.

The key is written first, in the transaction of the order itself: a second request with it waits at the unique index
until the first one's transaction ends, and then reads its answer, or does the work where the first one came to naught.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from datacenter.api.problems import Problem
from datacenter.models import ApiToken, KeptAnswer

KEPT = timedelta(hours=24)
WAIT_S = 10
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_SWEPT_AT_ONCE = 200
_INSERT = (
    "INSERT INTO datacenter_keptanswer (token_id, key, fingerprint, status, body, content_type, headers, at)"
    " VALUES (%s, %s, %s, 0, '', '', '{}', %s) ON CONFLICT (token_id, key) DO NOTHING"
)


def once(request: HttpRequest, token: ApiToken, do: Callable[[], HttpResponse]) -> HttpResponse:
    """``do``'s answer, or the one it gave before. Problem (409, 422)."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return do()
    if not _KEY.fullmatch(key):
        raise Problem("invalid", "An Idempotency-Key is 1 to 200 visible ASCII characters.", field="Idempotency-Key")
    _sweep(token)
    fingerprint = _fingerprint(request)
    with transaction.atomic():
        if not _claim(token, key, fingerprint):
            return _again(KeptAnswer.objects.get(token=token, key=key), fingerprint)
        answered = do()
        if answered.status_code >= 500:  # nothing was done, and nothing is kept: it may be tried again
            transaction.set_rollback(True)
            return answered
        mine = KeptAnswer.objects.filter(token=token, key=key)
        if answered.status_code >= 400:  # refused: the refusal is in the record, and the key is free for another try
            mine.delete()
            return answered
        kept = {name: answered[name] for name in ("ETag", "Location") if name in answered}
        mine.update(
            status=answered.status_code,
            body=answered.content.decode(),
            content_type=answered.get("Content-Type", ""),
            headers=kept,
        )
    return answered


def _claim(token: ApiToken, key: str, fingerprint: str) -> bool:
    """False: somebody was first, and has ended. Problem (409) where it has not within WAIT_S."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_S}s'")
            cursor.execute(_INSERT, [token.pk, key, fingerprint, timezone.now()])
            claimed = bool(cursor.rowcount == 1)
            cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    except OperationalError as exc:
        raise Problem(
            "conflict", "A request with this Idempotency-Key is under way.", headers={"Retry-After": "5"}
        ) from exc
    return claimed


def _again(kept: KeptAnswer, fingerprint: str) -> HttpResponse:
    if kept.fingerprint != fingerprint:
        words = "This Idempotency-Key was used for another request."
        raise Problem("invalid", words, field="Idempotency-Key")
    answered = HttpResponse(kept.body.encode(), status=kept.status, headers=kept.headers)
    answered["Content-Type"] = kept.content_type
    answered["Idempotency-Replayed"] = "true"
    return answered


def _fingerprint(request: HttpRequest) -> str:
    said = f"{request.method} {request.get_full_path()}\n".encode() + request.body
    return hashlib.sha256(said).hexdigest()


def _sweep(token: ApiToken) -> None:
    """The token's own old keys go when it asks again; a token's end takes the rest."""
    old = KeptAnswer.objects.filter(token=token, at__lt=timezone.now() - KEPT).order_by("at")
    KeptAnswer.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_SWEPT_AT_ONCE])).delete()
