"""The API's own description, OpenAPI 3.1: Ninja's, with the door's part added to every operation."""

from functools import cache
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from datacenter.api.application import PREFIX, api
from datacenter.api.problems import CONTENT_TYPE, KINDS

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"urn:godwit:{kind}" for kind in KINDS]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for the person."},
        "field": {"type": "string", "description": "The member at fault."},
        "position": {"type": "integer", "description": "Of the word at fault in `q`, from 0."},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": _TEXT, "detail": _TEXT}},
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same POST with the same key within 24 h is done once and answered twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}

_STREAM: dict[str, Any] = {
    "operationId": "stream_events",
    "summary": "Stream Events",
    "description": "What happens, as it happens, as Server-Sent Events: `id` is the event's number in the chain, "
    "`data` as in the list. A comment every 15 s says that the line is alive; the stream ends when the token does.",
    "tags": ["Events"],
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "Go on behind this event.",
            "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
        }
    ],
    "responses": {"200": {"description": "OK", "content": {"text/event-stream": {"schema": {"type": "string"}}}}},
}


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Told to anybody: it says what the source says, and nothing of this installation."""
    return HttpResponse(_packed(), content_type="application/json")


@cache
def schema() -> dict[str, Any]:
    """The whole description."""
    said: dict[str, Any] = orjson.loads(orjson.dumps(_ninjas(), default=str, option=orjson.OPT_NON_STR_KEYS))
    said["info"]["license"] = {"name": "See the repository"}
    components = said.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["responses"] = {
        "Problem": {
            "description": "Why it was not done.",
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    said["security"] = [{"token": []}]
    said["paths"][f"{PREFIX}/events/stream"] = {"get": _STREAM | {"responses": dict(_STREAM["responses"])}}
    for methods in said["paths"].values():
        for method, operation in methods.items():
            _complete(method, operation)
    return said


def _ninjas() -> dict[str, Any]:
    return api.get_openapi_schema(path_prefix=PREFIX + "/")


def _complete(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status in ("4XX", "5XX"):
        responses[status] = {"$ref": "#/components/responses/Problem"}
    if method == "post":
        operation.setdefault("parameters", []).append(_KEY)


@cache
def _packed() -> bytes:
    return orjson.dumps(schema())
