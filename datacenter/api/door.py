"""What every request to the API passes, in this order: size, token, type, key; and how it leaves.

A refusal of the door, of Ninja or of an order leaves in the one shape (problems.py).
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from datacenter.api.bearer import holder
from datacenter.api.body import check_json, check_query, check_size
from datacenter.api.idempotency import once
from datacenter.api.problems import CONTENT_TYPE, Problem, answer

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


def door(view: View) -> View:
    """The view behind the door. No session counts, so that no other site's form can do anything (no CSRF)."""

    @wraps(view)
    def guarded(request: HttpRequest, **given: Any) -> HttpResponse:
        try:
            said = _enter(request, lambda: view(request, **given))
        except Problem as exc:
            said = answer(exc)
        except DatabaseError:
            log.exception("The API lost the database", extra={"action": "api_database_failed"})
            said = answer(Problem("unavailable", "The database does not answer.", headers={"Retry-After": "5"}))
        return leave(request, said)

    guarded.login_required = False  # type: ignore[attr-defined]  # LoginRequiredMiddleware reads it: tokens count here
    return csrf_exempt(guarded)


def _enter(request: HttpRequest, do: Callable[[], HttpResponse]) -> HttpResponse:
    check_size(request)
    who = holder(request)
    request.user = who  # type: ignore[assignment]  # whatever the session says
    check_query(request.GET)
    check_json(request)
    return once(request, who.token, do) if request.method == "POST" else do()


def leave(request: HttpRequest, said: HttpResponse) -> HttpResponse:
    """Nothing is cached, and what Ninja or Django said in their own words is said in ours."""
    if said.status_code == 405 and said.get("Content-Type") != CONTENT_TYPE:
        allow = said.get("Allow", "")
        said = answer(Problem("method-not-allowed", f"Only {allow} here.", headers={"Allow": allow}))
    said["Cache-Control"] = "no-store"
    return said
