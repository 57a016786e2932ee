"""What a seal is made of: SHA-256 over the seal before, a newline, and the entry as canonical JSON (RFC 8259, UTF-8).

Canonical: all columns but the seal by name, names sorted, no blanks, times in UTC with six digits. Anybody can compute
it again, in any language, from an export.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hosts.models import Event

#: what the first entry's seal is made over in place of a seal before it
FIRST = ""
COLUMNS = tuple(sorted(field.attname for field in Event._meta.concrete_fields if field.attname != "seal"))


def canonical(event: Event, number: int) -> bytes:
    """The entry as its seal sees it, with ``number`` as its place."""
    said = {name: getattr(event, name) for name in COLUMNS} | {"number": number}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_text).encode()


def seal_of(event: Event, number: int, before: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(before.encode() + b"\n" + canonical(event, number)).hexdigest()


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"An event holds no {type(value).__name__}.")
