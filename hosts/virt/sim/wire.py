"""Records as JSON on the simulator's socket, by name; never pickle.

A frame is its length (4 bytes, big-endian) and a JSON object. From the client ``{"id", "host", "call", "args"}``, where
``call`` is ``open``, ``subscribe``, ``close``, ``order`` or a method of the driver. From the server ``{"id", "ok"}``,
``{"id", "error"}``, or, unasked, ``{"host", "event"}``.
"""

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from hosts.virt import errors
from hosts.virt.records import (
    DirtyRate,
    DomainFacts,
    DomainStats,
    DomainStatus,
    HostFacts,
    HostStats,
    JobStats,
    MigrateSpec,
    PowerVerb,
    Refusal,
)

#: no frame is longer: a host's domains with their XML are about 100 kB
LONGEST_FRAME = 32 << 20

#: method -> what it returns
RETURNS: dict[str, Any] = {
    "open": int,
    "subscribe": type(None),
    "close": type(None),
    "order": type(None),
    "host_facts": HostFacts,
    "host_stats": HostStats,
    "domains": list[DomainFacts],
    "domain": DomainFacts,
    "domain_status": DomainStatus,
    "domain_stats": list[DomainStats],
    "power": type(None),
    "discard": type(None),
    "refusals": list[Refusal],
    "measure_dirty_rate": DirtyRate,
    "migrate": type(None),
    "job_stats": JobStats,
    "completed_job_stats": JobStats | None,
    "abort_job": type(None),
    "set_bandwidth": type(None),
    "set_max_downtime": type(None),
    "start_postcopy": type(None),
}

#: argument -> its type, where JSON's own does not do
ARGUMENTS: dict[str, Any] = {"verb": PowerVerb, "domain": DomainFacts, "spec": MigrateSpec, "seen": DomainStatus}

_ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.VirtError)
}


def frame(message: dict[str, object]) -> bytes:
    """One message, ready to send."""
    body = orjson.dumps(message, default=_plain)
    return len(body).to_bytes(4, "big") + body


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"cannot send {type(value).__name__}")


def unframe(body: bytes) -> dict[str, Any]:
    """A message's body, as an object; ValueError where it is none."""
    message = orjson.loads(body)
    if not isinstance(message, dict):
        raise ValueError("a message is an object")
    return message


def error_to_wire(error: errors.VirtError) -> dict[str, object]:
    return {"kind": type(error).__name__, "text": str(error), "code": error.code, "domain": error.domain}


def error_from_wire(raw: dict[str, Any]) -> errors.VirtError:
    kind = _ERRORS.get(str(raw.get("kind")), errors.OperationFailed)
    return kind(str(raw.get("text", "")), code=raw.get("code"), domain=raw.get("domain"))


def decode(kind: Any, raw: Any) -> Any:
    """``raw`` JSON as a value of ``kind``: records, enums, moments, lists, tuples, sets and unions with None."""
    return _decoder(kind)(raw)


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(next(each for each in get_args(kind) if each is not type(None)))
    if origin in (list, tuple, frozenset):
        inner = _decoder(get_args(kind)[0])
        return lambda raw: origin(map(inner, raw))
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind)
    if kind is datetime:
        return datetime.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _same


def _same(raw: Any) -> Any:
    return raw


def _optional(kind: Any) -> Callable[[Any], Any]:
    inner = _decoder(kind)
    return lambda raw: None if raw is None else inner(raw)


def _record(kind: type) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    parts = {each.name: _decoder(hints[each.name]) for each in fields(kind)}

    def make(raw: dict[str, Any]) -> Any:
        return kind(**{name: parts[name](value) for name, value in raw.items() if name in parts})

    return make
