"""The API's one NinjaAPI: its nouns, and how refusals of orders become problems."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from datacenter.api.body import StrictParser
from datacenter.api.nouns import affinity, doubts, events, hosts, me, migrations, places, plans, policies, vms
from datacenter.api.problems import Problem, answer
from datacenter.orders import Forbidden, Refused

log = logging.getLogger(__name__)

PREFIX = "/api/v1"


class Api(NinjaAPI):
    """With names of operations that generated clients can bear."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)


api = Api(
    title="Godwit",
    version="1",
    description="Everything that a person can do with Godwit. Sizes are bytes, rates bytes/s, times UTC.",
    openapi_url=None,  # ours: openapi.py
    docs_url=None,
    parser=StrictParser(),
    urls_namespace="api",
)
for _noun in (me, places, hosts, vms, migrations, plans, policies, affinity, doubts, events):
    api.add_router("", _noun.router)


@api.exception_handler(Problem)
def _problem(request: HttpRequest, exc: Problem) -> HttpResponse:
    return answer(exc)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, exc: Refused) -> HttpResponse:
    """422 where a member of the request is at fault, 409 where the moment is, 412 where If-Match no longer matches."""
    if isinstance(exc, Forbidden):
        return answer(Problem("forbidden", str(exc), field=exc.field))
    if exc.field == "version":
        kind = "changed-meanwhile" if "If-Match" in request.headers else "conflict"
        return answer(Problem(kind, str(exc), field="version"))
    return answer(Problem("invalid" if exc.field else "conflict", str(exc), field=exc.field))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    """Every member at fault with its reason; ``field`` is the first one."""
    errors = [{"field": _path(each["loc"]), "detail": str(each["msg"])} for each in exc.errors[:50]]
    first: dict[str, str] = errors[0] if errors else {"field": "", "detail": "This makes no sense."}
    detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return answer(Problem("invalid", detail, field=first["field"] or None, errors=errors))


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    return answer(Problem("malformed", str(exc)))


@api.exception_handler(BadRequest)
def _bad_request(request: HttpRequest, exc: BadRequest) -> HttpResponse:
    return answer(Problem("malformed", str(exc) or "The request cannot be read."))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, exc: RequestDataTooBig) -> HttpResponse:
    return answer(Problem("too-large", "The body is too large."))


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    return answer(Problem("not-found", "Nothing is at this address."))


@api.exception_handler(Exception)
def _failed(request: HttpRequest, exc: Exception) -> HttpResponse:
    """A mistake of ours: the log says what, the answer does not. What the database does not give is the door's."""
    if isinstance(exc, DatabaseError):
        raise exc
    log.error("The API failed at %s", request.path, exc_info=exc, extra={"action": "api_failed"})
    return answer(Problem("failed", "Godwit could not do this. The log of the web process says why."))


def _path(loc: Any) -> str:
    """("body", "given", "terms", "steps", 2) -> "terms.steps.2": as the client sees it."""
    parts = [str(part) for part in loc]
    if parts and parts[0] in ("body", "query", "path", "header"):
        parts = parts[1:]
        if parts and parts[0] in ("given", "ask"):
            parts = parts[1:]
    return ".".join(parts)
