"""One signed POST with JSON, to one address that was looked up once and checked. No redirects, no proxy, a deadline.

::

    Godwit-Delivery: the same for each try of one delivery
    Godwit-Signature: t=UNIX SECONDS,v1=HEX of HMAC-SHA256(secret, "t.body")
"""

import asyncio
import hashlib
import hmac
import os
import secrets
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from django.conf import settings

from datacenter.maintenance.address import Place, Resolver, UrlRefused, check_url, resolve

_MOST_ANSWER_BYTES = 4096
#: no single reading waits for longer; the deadline over all of them is the caller's
_SILENT_S = 60.0
#: what a server may answer and be asked again
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one try ended. ``status`` 0: there was no answer. ``again``: a later try may help."""

    status: int = 0
    text: str = ""
    error: str = ""
    again: bool = False

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


def secret() -> bytes:
    """What webhooks are signed with: from GODWIT_WEBHOOK_SECRET, else made once and kept in var/ (0600)."""
    if settings.WEBHOOK_SECRET:
        return str(settings.WEBHOOK_SECRET).encode()
    kept = Path(settings.VAR) / "webhook_secret"
    if not kept.exists():
        _make_secret(kept)
    return kept.read_bytes().strip()


def _make_secret(path: Path) -> None:
    """Whole or not at all: another process may want it at this moment."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:  # another process was faster
        pass
    finally:
        draft.unlink()


def signature(body: bytes, *, at: datetime, key: bytes) -> str:
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={hmac.new(key, stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def post(
    url: str, told: dict[str, Any], *, delivery: str, at: datetime, within_s: float, resolver: Resolver | None = None
) -> Answer:
    """Try once. Never raises for what the network or the server does. Blocks for ``within_s`` and a look-up at most."""
    body = orjson.dumps(told, default=str)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Godwit",
        "Godwit-Delivery": delivery,
        "Godwit-Signature": signature(body, at=at, key=secret()),
    }
    try:
        place = check_url(url)
        address = resolve(place, resolver=resolver)
    except UrlRefused as exc:
        return Answer(error=str(exc))
    except OSError as exc:
        return Answer(error=f"The name {place.host} could not be looked up: {exc}.", again=True)
    return asyncio.run(_within(place, address, headers, body, within_s))


async def _within(place: Place, address: str, headers: dict[str, str], body: bytes, within_s: float) -> Answer:
    try:
        async with asyncio.timeout(within_s):
            return await _send(place, address, headers, body)
    except TimeoutError:
        return Answer(error=f"{place.host} did not answer within {within_s:g} s.", again=True)
    except httpx.HTTPError as exc:
        certificate = isinstance(exc.__cause__, ssl.SSLCertVerificationError) or "CERTIFICATE" in str(exc)
        return Answer(error=f"{place.host}: {exc or type(exc).__name__}.", again=not certificate)


async def _send(place: Place, address: str, headers: dict[str, str], body: bytes) -> Answer:
    """To the address that was checked; the name stands in the Host header and is what the certificate must have."""
    named = httpx.URL(place.url)
    numbered = named.copy_with(host=address)
    transport = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False, retries=0)
    async with httpx.AsyncClient(
        transport=transport, follow_redirects=False, trust_env=False, timeout=_SILENT_S
    ) as client:
        request = client.build_request(
            "POST",
            numbered,
            content=body,
            headers={**headers, "Host": named.netloc.decode()},
            extensions={"sni_hostname": place.host},
        )
        answer = await client.send(request, stream=True)
        try:
            return _judge(answer.status_code, await _text(answer))
        finally:
            await answer.aclose()


async def _text(answer: httpx.Response) -> str:
    """The beginning of what it says, undecoded: a small compressed answer could be a huge one."""
    said = b""
    async for piece in answer.aiter_raw(1024):
        said += piece
        if len(said) >= _MOST_ANSWER_BYTES:
            break
    return said[:_MOST_ANSWER_BYTES].decode(errors="replace")


def _judge(status: int, text: str) -> Answer:
    if 300 <= status < 400:
        return Answer(status=status, error=f"It answered {status} and named another place, where nothing is sent.")
    if not 200 <= status < 300:
        return Answer(status=status, text=text, error=f"It answered {status}.", again=status in _PASSING)
    return Answer(status=status, text=text)
