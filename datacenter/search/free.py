"""What a word without an operator finds: any of a noun's texts, its tags, the beginning of its UUID, related names."""

from collections.abc import Callable, Mapping

from django.db.models import Model, Q

from datacenter.search.conditions import uuid_range
from datacenter.search.lookups import pattern

#: a word that fits more related rows than these is looked up in the database, row by row
MOST_RELATED = 500
#: shorter ones are words more often than beginnings of a UUID
SHORTEST_UUID = 4


def either(
    *paths: str,
    uuid: str = "",
    tags: str = "",
    related: Mapping[str, tuple[type[Model], str]] | None = None,
    within: Mapping[Callable[[Q], Q], str] | None = None,
) -> Callable[[str], Q]:
    """A function from a word to its condition. ``related``: a column -> the model it points to, and that one's name.

    Related rows are read first and then asked for by their keys: only so can PostgreSQL use the indexes of both sides
    of the "or". ``within``: another table's rows, as in Field.
    """

    def free(word: str) -> Q:
        wanted = f"%{pattern(word, stars=False)}%"
        found = Q()
        for path in paths:
            found |= Q(**{f"{path}__wild": wanted})
        if tags:
            found |= Q(**{f"{tags}__contains": [word]})
        if uuid and len(word) >= SHORTEST_UUID and (bounds := uuid_range(word)):
            found |= Q(**{f"{uuid}__range": (bounds[0], bounds[-1])})
        for column, (model, name) in (related or {}).items():
            found |= _related(column, model, name, wanted)
        for turn, path in (within or {}).items():
            found |= turn(Q(**{f"{path}__wild": wanted}))
        return found

    return free


def _related(column: str, model: type[Model], name: str, wanted: str) -> Q:
    found = keys_of(column, model, Q(**{f"{name}__wild": wanted}))
    return Q() if found == Q(**{f"{column}__in": []}) else found


def keys_of(column: str, model: type[Model], inner: Q) -> Q:
    """The rows whose ``column`` points to one of ``model`` that ``inner`` finds. One query."""
    rows = model._default_manager.filter(inner).order_by().values_list("pk", flat=True)
    keys = list(rows[: MOST_RELATED + 1])
    return Q(**{f"{column}__in": rows if len(keys) > MOST_RELATED else keys})
