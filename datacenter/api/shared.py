"""What the nouns share: references, ids, finding a row that may be seen, versions."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import ConfigDict, Field

from datacenter import access
from datacenter.api.problems import Problem

M = TypeVar("M", bound=Model)

#: what JSON's numbers carry exactly
Pk = Annotated[int, Field(ge=1, le=2**53 - 1)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1, description="The version you looked at; or send If-Match.")]
Line = Annotated[str, Field(max_length=500)]


class Given(Schema):
    """What a client sends: a member that we do not know is refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Ref(Schema):
    """Another object, by what tells it apart and what people call it."""

    id: int
    name: str


class VMRef(Schema):
    id: int
    uuid: UUID
    name: str


def find(request: HttpRequest, rows: QuerySet[M], what: str, **by: Any) -> M:
    """The one row, if the token's holder may see it. Problem (404), for what is hidden too."""
    row = access.visible(request.user, rows).filter(**by).first()
    if row is None:
        raise Problem("not-found", f"There is no such {what}.")
    return row


def find_all(request: HttpRequest, rows: QuerySet[M], pks: list[int], *, field: str) -> list[M]:
    """All of these, in their order. Problem (422) naming one that is not there or may not be seen."""
    found = access.visible(request.user, rows).in_bulk(pks)
    if missing := next((pk for pk in pks if pk not in found), None):
        raise Problem("invalid", f"There is no object {missing}.", field=field)
    return [found[pk] for pk in pks]


def seen(request: HttpRequest, rows: QuerySet[M]) -> QuerySet[M]:
    """Those that the token's holder may see."""
    return access.visible(request.user, rows)


def version_of(request: HttpRequest, given: int | None, *, needed: bool = False) -> int | None:
    """The version an order is for: of the body, or of ``If-Match: "3"``. Problem (422, 428)."""
    said = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if said and said != "*":
        if not (said.isascii() and said.isdigit() and len(said) < 10):
            raise Problem("invalid", 'If-Match names a version, such as "3".', field="If-Match")
        if given is not None and given != int(said):
            raise Problem("invalid", "If-Match and version name two versions.", field="version")
        given = int(said)
    if given is None and needed:
        raise Problem("version-needed", "Say which version this is for: version, or If-Match.", field="version")
    return given


def tag(response: HttpResponse, version: int) -> None:
    """Tell the version in ETag."""
    response["ETag"] = f'"{version}"'
