"""What a wall's address may carry in and out: no cookie, no session, no address told to anybody else.

A middleware, the first of all, so that nothing behind it sees a cookie on a wall's address or can set one. And a
filter for logs: whoever reads them must not find links in them.
"""

import logging
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

PREFIX = "/wall/"
_LINK = re.compile(r"/wall/[^\s\"'?#]+")
_HIDDEN = PREFIX + "…"
#: what a page that only shows needs; nothing else of the browser
_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-read=(), clipboard-write=()"


class WallDoor:
    """For /wall/ alone; everything else passes as it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self._answer(request)
        request.META.pop("HTTP_COOKIE", None)
        request.META.pop("HTTP_AUTHORIZATION", None)
        response = self._answer(request)
        response.cookies.clear()
        response.headers.pop("Vary", None)
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        response["Permissions-Policy"] = _POLICY
        response["X-Robots-Tag"] = "noindex"
        return response


class HidesLinks(logging.Filter):
    """Links of displays in a record become ``/wall/…``; tracebacks too."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = hidden(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(hidden(each) if isinstance(each, str) else each for each in record.args)
        if record.exc_info and not record.exc_text:
            record.exc_text = hidden(logging.Formatter().formatException(record.exc_info))
        return True


def hidden(text: str) -> str:
    """``GET /wall/abc.def`` -> ``GET /wall/…``."""
    return _LINK.sub(_HIDDEN, text) if PREFIX in text else text


def keep_links_out_of_logs() -> None:
    """Of uvicorn's own logs, where somebody runs it with them: it has made its loggers before Django makes ours."""
    for name in ("uvicorn.access", "uvicorn.error", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, HidesLinks) for each in logger.filters):
            logger.addFilter(HidesLinks())
