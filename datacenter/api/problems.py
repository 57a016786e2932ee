"""The one shape of every answer that is not what was asked for: application/problem+json (RFC 9457).

``type`` is a URN that scripts may go by (the table in docs/api.md), ``detail`` a sentence for the person, ``field``
the field at fault where one is.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"

#: type -> status, title
KINDS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "unauthorized": (401, "A valid token is needed"),
    "forbidden": (403, "Not permitted"),
    "not-found": (404, "Not found"),
    "method-not-allowed": (405, "This cannot be done here"),
    "conflict": (409, "It cannot be done now"),
    "changed-meanwhile": (412, "Changed meanwhile"),
    "too-large": (413, "Too large"),
    "media-type": (415, "Another content type is needed"),
    "invalid": (422, "This makes no sense"),
    "version-needed": (428, "A version is needed"),
    "too-many": (429, "Too many requests"),
    "failed": (500, "Godwit failed"),
    "unavailable": (503, "Not available now"),
}


class Problem(Exception):
    """An answer other than what was asked for. ``kind`` is of KINDS; ``also`` are further members."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **also: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.also = {name: value for name, value in also.items() if value is not None}
        self.headers = dict(headers or {})


def answer(problem: Problem) -> HttpResponse:
    """The problem as a response."""
    status, title = KINDS[problem.kind]
    said = {"type": f"urn:godwit:{problem.kind}", "title": title, "status": status, "detail": str(problem)}
    return HttpResponse(
        orjson.dumps(said | problem.also), content_type=CONTENT_TYPE, status=status, headers=problem.headers
    )
