"""Authorization: Bearer, and nothing else: no cookie counts here. Failed tries are slowed down and written down.

Both tables are this process's own: with N web processes a stranger has N times the tries, of 256 random bits.
"""

import logging
from collections import OrderedDict
from datetime import timedelta
from math import ceil

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from datacenter import audit
from datacenter.api.principal import TokenHolder
from datacenter.api.problems import Problem
from datacenter.models import ApiToken
from datacenter.orders.tokens import digest_of
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

#: failed tries of one address at once, and seconds until one more is allowed
TRIES, EACH_S = 10, 6.0
MOST_ADDRESSES = 10_000
MOST_KNOWN = 1_000
LONGEST = 200
_USED_EVERY = timedelta(minutes=1)
_SAY_EVERY_S = 60.0
_WHO = {"WWW-Authenticate": 'Bearer realm="Godwit"'}


class Tries:
    """A leaking bucket an address, the oldest address forgotten first. No lock: a try that two threads miscount is
    no loss."""

    def __init__(self) -> None:
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0: now."""
        over = self._now(address) - (TRIES - 1)
        return max(0.0, over * EACH_S)

    def failed(self, address: str) -> None:
        self._level[address] = (self._now(address) + 1, WALL.monotonic())
        self._level.move_to_end(address)
        while len(self._level) > MOST_ADDRESSES:
            self._level.popitem(last=False)

    def clear(self) -> None:
        self._level.clear()

    def _now(self, address: str) -> float:
        level, at = self._level.get(address, (0.0, 0.0))
        return max(0.0, level - (WALL.monotonic() - at) / EACH_S)


TRIED = Tries()
_KNOWN: OrderedDict[str, None] = OrderedDict()  # digests that were good: a neighbour's mistakes do not lock them out
_SAID: dict[int, float] = {}  # token -> when its refusal was last written down


def holder(request: HttpRequest) -> TokenHolder:
    """Who asks. Problem (401, 429)."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    if scheme.lower() != "bearer" or not given:
        raise Problem("unauthorized", "Send a token: “Authorization: Bearer gdw_…”.", headers=_WHO)
    digest = digest_of(given[:LONGEST])
    if digest not in _KNOWN and (wait := TRIED.wait_s(address)) > 0:
        raise Problem("too-many", "Too many tries with tokens that are none.", headers={"Retry-After": str(ceil(wait))})
    token = ApiToken.objects.select_related("owner").filter(digest=digest).first()
    why = _why_not(token)
    if token is None or why:
        _KNOWN.pop(digest, None)
        TRIED.failed(address)
        if token is not None:
            _write_down(token, why)
        raise Problem("unauthorized", why, headers=_WHO)
    _remember(digest)
    _note_use(token, address)
    return TokenHolder(token)


def _why_not(token: ApiToken | None) -> str:
    if token is None:
        return "There is no such token."
    if token.revoked_at is not None:
        return "This token was revoked."
    if token.is_over:
        return "This token has expired."
    return "" if token.owner.is_active else "The owner of this token is deactivated."


def _remember(digest: str) -> None:
    _KNOWN[digest] = None
    while len(_KNOWN) > MOST_KNOWN:
        _KNOWN.popitem(last=False)


def _write_down(token: ApiToken, why: str) -> None:
    """Once a minute a token, so that a script that goes on with an old one does not fill the record."""
    now = WALL.monotonic()
    if now - _SAID.get(token.pk, -_SAY_EVERY_S) < _SAY_EVERY_S:
        return
    _SAID[token.pk] = now
    log.info("The token %s was refused: %s", token, why, extra={"action": "api_token_refused", "row": token.pk})
    audit.record(TokenHolder(token), "use_token", token, detail=why, refused=True)


def _note_use(token: ApiToken, address: str) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_EVERY)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_from=address or None)
