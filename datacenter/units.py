"""Numbers as people read them: IEC sizes, rates per second, durations. Pure; used by templates and the live path."""

from datetime import timedelta

#: what stands where nothing is known; never a made-up zero
UNKNOWN = "–"

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: float | None) -> str:
    """Bytes: 0 -> "0 B", 1536 -> "1.5 KiB", 8589934592 -> "8 GiB", 47395635 -> "45.2 MiB"."""
    if number is None:
        return UNKNOWN
    value = float(number)
    for unit in _UNITS[:-1]:
        if abs(value) < 1024:
            return f"{_short(value)} {unit}"
        value /= 1024
    return f"{_short(value)} {_UNITS[-1]}"


def rate(number: float | None) -> str:
    """Bytes per second: 47395635 -> "45.2 MiB/s"."""
    return UNKNOWN if number is None else f"{size(number)}/s"


def mib(number: float | None) -> str:
    """Bytes as a bare number of MiB, for columns with the unit in the header: 47395635 -> "45.2"."""
    return UNKNOWN if number is None else _short(number / 2**20)


def percent(number: float | None) -> str:
    """12.34 -> "12 %", 3.21 -> "3.2 %"."""
    if number is None:
        return UNKNOWN
    return f"{number:.0f} %" if number >= 9.95 else f"{number:.1f} %"


def duration(seconds: float | timedelta | None) -> str:
    """0.158 -> "158 ms", 9.26 -> "9.3 s", 75 -> "1 min 15 s", 93784 -> "1 d 2 h"."""
    if seconds is None:
        return UNKNOWN
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if total < 1:
        return f"{max(0, round(total * 1000))} ms"
    if total < 60:
        return f"{_short(total)} s"
    parts = _two_largest(round(total))
    return " ".join(f"{number} {unit}" for number, unit in parts)


def _two_largest(total: int) -> list[tuple[int, str]]:
    parts: list[tuple[int, str]] = []
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, total = divmod(total, length)
        if number or parts:
            parts.append((number, unit))
    return [(number, unit) for number, unit in parts[:2] if number]


def _short(value: float) -> str:
    """At most three digits that matter, without a trailing ".0"."""
    text = f"{value:.1f}" if abs(value) < 99.95 else f"{value:.0f}"
    return text.removesuffix(".0")


def milliseconds(number: float | None) -> str:
    """158 -> "158 ms", 1290 -> "1.3 s"."""
    return UNKNOWN if number is None else duration(number / 1000)


#: what a field's name ends in -> how it is written
_ENDINGS = (("_percent", percent), ("_bytes", size), ("_rate", rate), ("throughput", rate), ("_ms", milliseconds))


def figure(field: str, number: float | str | None) -> str:
    """A figure's text by its field's name, the same in a page and in a frame: ("net_rx_rate", 2048) -> "2 KiB/s"."""
    if isinstance(number, str):
        return number
    for ending, write in _ENDINGS:
        if field.endswith(ending):
            return write(number)
    return UNKNOWN if number is None else _short(number)
