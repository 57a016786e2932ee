"""The API's addresses: each behind the door; what is at none of them is told in the one shape."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from datacenter.api.application import api
from datacenter.api.door import door
from datacenter.api.openapi import openapi
from datacenter.api.problems import Problem
from datacenter.api.stream import events_stream


def nowhere(request: HttpRequest, **given: Any) -> HttpResponse:
    """Any other address below /api."""
    raise Problem("not-found", "Nothing is at this address. The reference: /api/v1/openapi.json.")


def _behind_the_door(patterns: list[Any]) -> list[URLPattern]:
    for pattern in patterns:
        pattern.callback = door(pattern.callback)
    return patterns


_paths, _, _ = api.urls
_served = [each for each in _behind_the_door(_paths) if each.name != "api-root"]

urlpatterns = [
    path("v1/openapi.json", openapi, name="openapi"),
    path("v1/events/stream", events_stream, name="api_events_stream"),
    *(path(f"v1/{each.pattern}", each.callback, name=f"api_{each.name}") for each in _served),
    path("", door(nowhere)),
    path("<path:rest>", door(nowhere)),
]
