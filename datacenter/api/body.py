"""Reading bodies: JSON alone, of at most 1 MiB, without what PostgreSQL cannot keep."""

from typing import Any, cast

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, QueryDict
from django.http.request import UnreadablePostError
from ninja.parser import Parser

from datacenter.api.problems import Problem

MOST_BYTES = 1 << 20


class StrictParser(Parser):
    """JSON as RFC 8259 has it: no NaN, no lone surrogates. The door has looked at it already (``check_json``)."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        return cast(dict[str, Any], orjson.loads(request.body))


def check_size(request: HttpRequest) -> None:
    """Problem (413, 400): before and after the body is read, since a client may lie of its length."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as exc:
        raise Problem("malformed", "Content-Length is not a number.") from exc
    if announced > MOST_BYTES:
        raise Problem("too-large", f"A body has at most {MOST_BYTES} bytes.")
    try:
        length = len(request.body)
    except RequestDataTooBig as exc:
        raise Problem("too-large", f"A body has at most {MOST_BYTES} bytes.") from exc
    except UnreadablePostError as exc:
        raise Problem("malformed", "The body ended early.") from exc
    if length > MOST_BYTES:
        raise Problem("too-large", f"A body has at most {MOST_BYTES} bytes.")


def check_json(request: HttpRequest) -> None:
    """Problem (415, 400, 422) where a body is there that does not call itself JSON, is none, or holds a NUL."""
    if not request.body:
        return
    if request.content_type not in ("application/json", ""):
        raise Problem("media-type", "Send application/json.")
    try:
        _refuse_nul(orjson.loads(request.body))
    except orjson.JSONDecodeError as exc:
        raise Problem("malformed", f"The body is not JSON: {exc}.") from exc


def check_query(query: QueryDict) -> None:
    """Problem (422) where an address holds what no text holds."""
    if any("\x00" in value for _, values in query.lists() for value in values):
        raise Problem("invalid", "The address holds a NUL.")


def _refuse_nul(said: Any) -> None:
    """Iteratively: orjson itself bounds the depth."""
    todo = [said]
    while todo:
        each = todo.pop()
        if isinstance(each, str) and "\x00" in each:
            raise Problem("invalid", "A text holds a NUL.")
        if isinstance(each, dict):
            todo += [*each, *each.values()]
        elif isinstance(each, list):
            todo += each
