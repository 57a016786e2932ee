"""Values as people write them: "4GiB", "1d12h", "80%", "2026-11-23", "yesterday", "-2h". Pure; None: it is no such."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_SIZES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
_SPANS = {
    "ms": 0.001, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000,
}  # fmt: skip
#: beyond these PostgreSQL's columns end
MOST = 2**62
LONGEST_SPAN_S = 100 * 31_536_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as exact as it was written: from ``start`` to right before ``end``."""

    start: datetime
    end: datetime


def number(text: str) -> float | None:
    """ "4", "0.5", "-1"."""
    plain = text.removeprefix("-")
    digits = plain.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()) or len(plain) > 18:
        return None
    return float(text)


def whole(text: str) -> int | None:
    """ "4", "-1"."""
    value = number(text)
    return int(value) if value is not None and value.is_integer() else None


def percent(text: str) -> float | None:
    """ "80", "80%"."""
    return number(text.removesuffix("%"))


def size(text: str) -> int | None:
    """Bytes: "4GiB", "4gb", "4g", by 1024 as everywhere; "512MiB/s". A bare number is none but 0."""
    figure, unit = _split(text.lower().removesuffix("/s"))
    short = unit.removesuffix("ib").removesuffix("b") if unit != "b" else unit
    value = number(figure)
    if value is None or value < 0 or short not in _SIZES or unit not in _units(short) or (not unit and value):
        return None
    return min(int(value * _SIZES[short]), MOST)


def _units(short: str) -> tuple[str, ...]:
    return (short,) if short in ("", "b") else (short, f"{short}b", f"{short}ib")


def span(text: str) -> float | None:
    """Seconds: "300ms", "90s", "1d12h", "2min"; a bare number is none but 0."""
    total, rest = 0.0, text.lower()
    if rest == "0":
        return 0.0
    if not rest:
        return None
    while rest:
        figure, tail = _split(rest)
        letters = len(tail) - len(tail.lstrip("abcdefghijklmnopqrstuvwxyz"))
        unit, rest = tail[:letters], tail[letters:]
        value = number(figure)
        if value is None or value < 0 or unit not in _SPANS:
            return None
        total += value * _SPANS[unit]
    return min(total, LONGEST_SPAN_S)


def moment(text: str, *, now: datetime, zone: tzinfo) -> Moment | None:
    """A day, a minute, a second; "now", "today", "yesterday"; "-2h": two hours ago. Without a zone: ``zone``."""
    said = text.strip().lower()
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if said == "now":
        return Moment(start=now, end=now)
    if said in ("today", "yesterday"):
        day = today - timedelta(days=said == "yesterday")
        return Moment(start=day, end=day + timedelta(days=1))
    if said.startswith("-"):
        back = span(said[1:])
        return None if back is None else Moment(start=now - timedelta(seconds=back), end=now - timedelta(seconds=back))
    try:
        start = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    exact = (
        timedelta(days=1) if len(said) <= 10 else timedelta(minutes=1) if said.count(":") == 1 else timedelta(seconds=1)
    )
    if not 1900 <= start.year <= 2900:
        return None
    start = start if start.tzinfo else start.replace(tzinfo=zone)
    return Moment(start=start, end=start + exact)


def flag(text: str) -> bool | None:
    """ "yes" or "no", and what else people write for them."""
    return {
        "yes": True,
        "true": True,
        "on": True,
        "1": True,
        "no": False,
        "false": False,
        "off": False,
        "0": False,
    }.get(text.lower())


def plain(text: str) -> str:
    """How words of a few are compared: "Powering down", "powering-down" and "powering_down" are one."""
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def like(said: str, wanted: str) -> bool:
    """Whether ``wanted``, in which ``*`` stands for anything, is ``said``."""
    first, *others = wanted.split("*")
    if not others:
        return said == wanted
    if not said.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        found = said.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(said) - at >= len(others[-1]) and said.endswith(others[-1])


def _split(text: str) -> tuple[str, str]:
    """ "4gib" -> "4", "gib"."""
    at = 0
    while at < len(text) and (text[at] in "0123456789." or (at == 0 and text[at] == "-")):
        at += 1
    return text[:at], text[at:]
