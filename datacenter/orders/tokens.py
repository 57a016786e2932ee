"""API tokens: made and shown once, revoked. What a token may is its scope, and never more than its owner may."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from datacenter import audit
from datacenter.access import Verb, can
from datacenter.models import ApiToken, User
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import VM, Cluster, DataCenter, Host

#: by which scanners of repositories know one of ours
_MARK = "gdw_"
_PREFIX = 10
_NAME = re.compile(r"[\w][\w .-]{0,59}")
MOST_TOKENS = 100
MOST_ROOTS = 50
#: below what a token may be held
ROOTS: dict[str, type[Model]] = {"datacenter": DataCenter, "cluster": Cluster, "host": Host, "vm": VM}


def digest_of(text: str) -> str:
    """SHA-256 of a token, as it is kept."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def make_token(
    user: Any,
    owner: User,
    *,
    name: str,
    verbs: Sequence[str],
    roots: Sequence[tuple[str, int]] | None,
    expires_at: datetime,
) -> tuple[ApiToken, str]:
    """The row, and the token itself, which is told this once. ``roots`` None: wherever its owner may.

    Own tokens anybody may make, others' an administrator. Forbidden, or Refused with the field where the scope is wider
    than what the owner may, or the expiry is missing, past or too far off.
    """
    row = ApiToken(owner=owner, name=name.strip(), made_by=user.get_username(), expires_at=expires_at)
    _require(user, row, "make_token")
    try:
        _check(row)
        row.verbs = _checked_verbs(verbs)
        row.roots = None if roots is None else [list(root) for root in dict.fromkeys(roots)]
        _check_scope(row)
        said = _MARK + secrets.token_urlsafe(32)
        row.prefix, row.digest = said[:_PREFIX], digest_of(said)
        with transaction.atomic():
            row.save()
            audit.record(user, "make_token", row, detail=_told(row))
    except IntegrityError as exc:
        raise Refused(
            f"There is a token “{row.name}” already. Revoke it first, or choose another name.", field="name"
        ) from exc
    except Refused as exc:
        audit.record(user, "make_token", row, detail=str(exc), refused=True)
        raise
    return row, said


def revoke_token(user: Any, token: ApiToken) -> None:
    """End a token at once; its row and what it did stay readable. Forbidden, or Refused where it is over already."""
    _require(user, token, "revoke_token")
    with transaction.atomic():
        ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not ended.update(revoked_at=timezone.now(), revoked_by=user.get_username()[:150]):
            raise Refused(f"The token “{token}” is revoked already.")
        audit.record(user, "revoke_token", token, detail=f"of {token.owner.get_username()}")
    token.refresh_from_db()


def longest() -> timedelta:
    """How long a token may live at most."""
    return timedelta(days=settings.TOKEN_MAX_DAYS)


def _require(user: Any, row: ApiToken, order: str) -> None:
    """Nobody makes or ends tokens by a token: what leaks must not outlive its own end."""
    by_token = getattr(user, "limit", None) is not None
    mine = user.is_authenticated and user.is_active and getattr(user, "pk", None) == row.owner_id
    if not by_token and (mine or can(user, Verb.ADMINISTER)):
        return
    audit.record(user, order, row, detail="Not permitted.", refused=True)
    raise Forbidden("Only its owner or an administrator may do this to a token, and nobody by a token.")


def _check(row: ApiToken) -> None:
    if not _NAME.fullmatch(row.name):
        raise Refused("A name is 1 to 60 letters, digits, spaces, “-”, “_”, “.”.", field="name")
    now = timezone.now()
    if row.expires_at <= now:
        raise Refused("The expiry is past.", field="expires_at")
    if row.expires_at > now + longest() + timedelta(days=1):
        raise Refused(f"A token lives {settings.TOKEN_MAX_DAYS} days at most.", field="expires_at")
    if ApiToken.objects.filter(owner=row.owner, revoked_at=None).count() >= MOST_TOKENS:
        raise Refused(f"There are {MOST_TOKENS} tokens of this owner already. Revoke some first.", field="name")


def _checked_verbs(verbs: Sequence[str]) -> list[str]:
    known = {verb.value for verb in Verb}
    if unknown := next((verb for verb in verbs if verb not in known), None):
        raise Refused(f"There is no verb “{unknown[:20]}”.", field="verbs")
    if Verb.VIEW not in verbs:
        raise Refused("Whoever may do something has to see it: tick “view”.", field="verbs")
    return sorted(set(verbs))


def _check_scope(row: ApiToken) -> None:
    """Each verb at each root has to be the owner's own."""
    targets = _targets(row.roots)
    for verb in row.verbs:
        for target in targets:
            if not can(row.owner, Verb(verb), target):
                words = f"{row.owner.get_username()} may not {verb.replace('_', ' ')} {target or 'anything'}"
                raise Refused(f"{words}, so a token of theirs cannot either.", field="verbs")


def _targets(roots: Sequence[Sequence[Any]] | None) -> list[Model | None]:
    if roots is None:
        return [None]
    if not roots or len(roots) > MOST_ROOTS:
        raise Refused(f"Choose 1 to {MOST_ROOTS} objects, or all.", field="roots")
    found: list[Model | None] = []
    for noun, pk in roots:
        model = ROOTS.get(noun)
        row = model._default_manager.filter(pk=pk).first() if model else None
        if row is None:
            raise Refused("One of the chosen objects is not there.", field="roots")
        found.append(row)
    return found


def _told(row: ApiToken) -> str:
    where = "everywhere" if row.roots is None else ", ".join(f"{noun} {pk}" for noun, pk in row.roots)
    return f"for {row.owner.get_username()}, until {row.expires_at:%Y-%m-%d}: {', '.join(row.verbs)}; {where}"
