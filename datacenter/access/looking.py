"""Who looks at this page: what forms, filters and template tags read is narrowed to what he may see.

A request's middleware says who; painting for sockets says so too (live/paint.py). Where nobody was said to look, as in
a worker, a command or a test of a template, nothing is narrowed: what people are shown goes through one of the two.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from datacenter.access.ask import can, visible
from datacenter.access.paths import System
from datacenter.access.principals import SHELL
from datacenter.access.verbs import Verb

M = TypeVar("M", bound=Model)

_looks: ContextVar[Callable[[], Any]] = ContextVar("looks", default=lambda: SHELL)


@contextmanager
def looking(user: Any) -> Iterator[None]:
    """Within, it is ``user`` who looks."""
    token = _looks.set(lambda: user)
    try:
        yield
    finally:
        _looks.reset(token)


def seen(rows: QuerySet[M], verb: Verb = Verb.VIEW) -> QuerySet[M]:
    """Those of ``rows`` to which who looks may do ``verb``."""
    return visible(_looks.get()(), rows, verb)


def allowed(verb: Verb, target: Model | System | None = None) -> bool:
    """Whether who looks may do ``verb`` there."""
    return can(_looks.get()(), verb, target)


class LookingMiddleware:
    """Behind AuthenticationMiddleware: the request's user looks."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _looks.set(lambda: request.user)
        try:
            return self._answer(request)
        finally:
            _looks.reset(token)
