"""What this token is."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema

router = Router(tags=["This token"])


class RootOut(Schema):
    """Something below which it may do what it may."""

    noun: str
    id: int


class MeOut(Schema):
    """Whose token this is, what it may at most, and until when."""

    owner: str
    token: str
    prefix: str
    verbs: list[str] = Field(description="What it may at most; where, its owner's roles say too.")
    roots: list[RootOut] | None = Field(description="Below what; null: wherever its owner may.")
    expires_at: datetime
    made_at: datetime


@router.get("/me", response=MeOut)
def read_me(request: HttpRequest) -> Any:
    """What this token is."""
    who: Any = request.user
    token = who.token
    return {
        "owner": who.owner.get_username(),
        "token": token.name,
        "prefix": token.prefix,
        "verbs": token.verbs,
        "roots": None if token.roots is None else [{"noun": noun, "id": pk} for noun, pk in token.roots],
        "expires_at": token.expires_at,
        "made_at": token.made_at,
    }
