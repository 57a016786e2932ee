"""The reference: a page of ours, made from the API's own description. No script, no other site's parts."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datacenter.api.openapi import schema
from datacenter.api.problems import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A parameter, or a member of a body or an answer."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One operation."""

    key: str
    method: str
    path: str
    about: str
    parameters: list[Member]
    body: list[Member]
    status: str
    answer: str


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    """Every operation by noun, every object, every problem."""
    groups, objects = _read()
    problems = [(kind, status, title) for kind, (status, title) in KINDS.items()]
    return render(request, "api/reference.html", {"groups": groups, "objects": objects, "problems": problems})


@cache
def _read() -> tuple[list[tuple[str, list[Described]]], list[tuple[str, str, list[Member]]]]:
    said = schema()
    groups: dict[str, list[Described]] = {}
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_described(said, path, method, operation))
    objects = [
        (name, str(each.get("description", "")), _members(each))
        for name, each in sorted(said["components"]["schemas"].items())
        if "properties" in each and not name.startswith("Page_")
    ]
    return list(groups.items()), objects


def _described(said: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Described:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    status, answered = next((code, each) for code, each in operation["responses"].items() if code[0] == "2")
    content = next(iter(answered.get("content", {}).items()), None)
    return Described(
        key=operation["operationId"],
        method=method.upper(),
        path=path,
        about=operation.get("description", ""),
        parameters=[
            Member(
                name=each["name"],
                kind=_kind(each["schema"]),
                required=bool(each.get("required")),
                about=each.get("description") or each["schema"].get("description", ""),
            )
            for each in operation.get("parameters", [])
        ],
        body=_members(_resolved(said, body)),
        status=status,
        answer="" if content is None else _kind(content[1]["schema"]) if "json" in content[0] else content[0],
    )


def _resolved(said: dict[str, Any], each: dict[str, Any]) -> dict[str, Any]:
    name = str(each.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] = said["components"]["schemas"].get(name, each) if name else each
    return found


def _members(each: dict[str, Any]) -> list[Member]:
    needed = set(each.get("required", ()))
    return [
        Member(name=name, kind=_kind(what), required=name in needed, about=str(what.get("description", "")))
        for name, what in each.get("properties", {}).items()
    ]


def _kind(each: dict[str, Any]) -> str:
    """ "integer or null", "list of HostOut", "up | down"."""
    if "$ref" in each:
        return str(each["$ref"]).rpartition("/")[2].replace("Page_", "page of ").rstrip("_")
    if choices := each.get("anyOf"):
        return " or ".join(dict.fromkeys(_kind(one) for one in choices))
    if words := each.get("enum"):
        return " | ".join(str(word) or "“”" for word in words)
    if "const" in each:
        return str(each["const"]).lower()
    if each.get("type") == "array":
        return f"list of {_kind(each.get('items', {}))}"
    plain = str(each.get("type", "anything"))
    return f"{plain}, {each['format']}" if "format" in each else plain
