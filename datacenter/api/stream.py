"""GET /api/v1/events/stream: what happens, as it happens (Server-Sent Events).

A client that comes back sends Last-Event-ID and misses nothing. A comment every 15 s says that the line is alive, and
each time the token is asked for anew: a stream ends within 15 s of its revocation.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from datacenter.api.bearer import holder
from datacenter.api.door import leave
from datacenter.api.principal import TokenHolder
from datacenter.api.problems import Problem, answer
from datacenter.api.wire import MOST_OF_A_TOKEN, MOST_STREAMS, Stream, Told, Wire, backlog, wire

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
_RETRY_MS = 2000


@csrf_exempt
async def events_stream(request: HttpRequest) -> HttpResponseBase:
    """The stream, or a problem."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise Problem("method-not-allowed", "Only GET here.", headers={"Allow": "GET, HEAD"})
        line = wire()
        who = await line.ask(holder, request)
        after = _last_id(request)
        _check_room(line, who)
    except Problem as exc:
        return leave(request, answer(exc))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return HttpResponse(content_type="text/event-stream", headers=headers)
    said = _say(request, line, who, after)
    return StreamingHttpResponse(said, content_type="text/event-stream", headers=headers)


events_stream.login_required = False  # type: ignore[attr-defined]  # tokens count here


def _last_id(request: HttpRequest) -> int | None:
    """Behind which number to go on. Problem (422)."""
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem("invalid", "Last-Event-ID is a number that this stream gave.", field="Last-Event-ID")
    return int(text)


def _check_room(line: Wire, who: TokenHolder) -> None:
    again = {"Retry-After": "30"}
    if len(line.streams) >= MOST_STREAMS:
        raise Problem("unavailable", "This web process has as many streams as it takes.", headers=again)
    if sum(each.who.token.pk == who.token.pk for each in line.streams) >= MOST_OF_A_TOKEN:
        raise Problem("too-many", f"A token has at most {MOST_OF_A_TOKEN} streams at once.", headers=again)


async def _say(request: HttpRequest, line: Wire, who: TokenHolder, after: int | None) -> AsyncIterator[bytes]:
    stream = Stream(who)
    beat = asyncio.create_task(_watch(request, line, stream), name="event stream")
    try:
        live_from = await line.enter(stream)
        yield f"retry: {_RETRY_MS}\n\n".encode()
        sent = live_from if after is None else after
        while sent < live_from:
            told = await line.ask(backlog, who, sent, live_from)
            for each in told:
                yield each.frame
            sent = told[-1].number if told else live_from
        while not stream.ended:
            heard = await _next(stream)
            if heard is None and not stream.ended:
                yield b": alive\n\n"
            elif heard is not None and heard.number > sent:
                yield heard.frame
                sent = heard.number
    finally:
        beat.cancel()
        line.leave(stream)


async def _next(stream: Stream) -> Told | None:
    """The next event; None after HEARTBEAT_S without one, or where the stream was ended meanwhile."""
    try:
        async with asyncio.timeout(HEARTBEAT_S):
            return await stream.queue.get()
    except TimeoutError:
        return None


async def _watch(request: HttpRequest, line: Wire, stream: Stream) -> None:
    """Ask for the token anew; its roles too, since they are kept on the object."""
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        try:
            stream.who = await line.ask(holder, request)
        except DatabaseError as exc:  # nothing new can be told either; asked again below
            log.warning("A token could not be asked for: %s", exc, extra={"action": "api_recheck_failed"})
        except Problem as exc:
            log.info("A stream of events ends: %s", exc, extra={"action": "api_stream_ended"})
            stream.end()
            return
