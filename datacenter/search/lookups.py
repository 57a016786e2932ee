"""``wild``: text compared without regard to case, ``%`` and ``_`` standing for anything.

It reads ``UPPER(column::text) LIKE UPPER(pattern)``, which is what the trigram indexes hold (hosts/migrations).
"""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Lookup, TextField


class Wild(Lookup):
    lookup_name = "wild"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, given = self.process_lhs(compiler, connection)
        pattern, more = self.process_rhs(compiler, connection)
        return f"UPPER({column}::text) LIKE UPPER({pattern}::text)", (*given, *more)


class AnyWild(Lookup):
    """``Wild`` for an array: one of its members."""

    lookup_name = "any_wild"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (value,)  # text, and not an array as the column is

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, given = self.process_lhs(compiler, connection)
        pattern, more = self.process_rhs(compiler, connection)
        member = f"UPPER(each_member) LIKE UPPER({pattern}::text)"
        return f"EXISTS (SELECT 1 FROM unnest({column}) AS each_member WHERE {member})", (*given, *more)  # noqa: S608


for _field in (CharField, TextField):
    _field.register_lookup(Wild)
ArrayField.register_lookup(AnyWild)

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


def pattern(text: str, *, stars: bool) -> str:
    """``text`` as a pattern: itself literally, but for ``*`` where ``stars`` is set."""
    escaped = text.translate(_ESCAPES)
    return escaped.replace("*", "%") if stars else escaped
