"""Who may be asked about beside plain users."""

from dataclasses import dataclass

from datacenter.access.verbs import Verb


class Shell:
    """The person at the machine's own command line, who could do all of it to the database anyway."""

    is_authenticated = is_active = is_superuser = True

    def get_username(self) -> str:
        return "command line"


SHELL = Shell()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What a principal may at most, whatever its owner may: a token's scope, a wall's.

    ``roots``: (level, primary key) pairs such as ("cluster", 3), of RoleBinding.Level; what lies below counts.
    """

    verbs: frozenset[Verb] | None = None  # None: all
    roots: tuple[tuple[str, int], ...] | None = None  # None: everywhere
