"""What a host says is foreign text: PostgreSQL takes no NUL, no lone surrogate, and no more than a column holds."""

import math
import re
from typing import Any
from uuid import UUID

#: control characters but tab and newline, and halves of surrogate pairs, which cannot be encoded
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LARGEST = 2**63 - 1
_LARGEST_SMALL = 2**31 - 1
MOST_XML = 1_000_000
MOST_ITEMS = 200


def text(value: object, longest: int) -> str:
    """The text without what can't be stored, cut to ``longest`` characters."""
    return _FORBIDDEN.sub("", str(value))[:longest]


def line(value: object, longest: int) -> str:
    """The same on one line."""
    return " ".join(text(value, longest).split())


def lines(values: Any, longest: int, *, most: int = MOST_ITEMS) -> list[str]:
    """A bounded list of lines, empty ones dropped, in a stable order."""
    return sorted({cleaned for each in values if (cleaned := line(each, longest))})[:most]


def size(value: int | float | None) -> int | None:
    """A size or counter that fits a bigint; None for what is unknown, negative or no number."""
    if value is None or not math.isfinite(value) or value < 0:
        return None
    return min(int(value), _LARGEST)


def count(value: int | None) -> int | None:
    """A number that fits an integer column; None for what is unknown or negative."""
    return None if value is None or value < 0 else min(int(value), _LARGEST_SMALL)


def uuid(value: str) -> str | None:
    """The UUID in its usual spelling; None where it is none."""
    try:
        return str(UUID(value))
    except ValueError:
        return None


def record(value: object) -> Any:
    """A record's dict or list made fit for a JSON column: strings cleaned and cut, lists bounded."""
    if isinstance(value, dict):
        return {text(key, 60): record(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [record(each) for each in value[:MOST_ITEMS]]
    return text(value, 500) if isinstance(value, str) else value
