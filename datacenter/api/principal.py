"""Who asks by a token: its owner, narrowed to what the token may, as it is at this moment."""

from typing import Any

from datacenter.access import Limit, Verb
from datacenter.models import ApiToken


class TokenHolder:
    """The owner of a token for as long as one request takes; entries in the record name the token too.

    Whatever is asked of a user (groups, bindings, pk) is the owner's answer; ``limit`` narrows it.
    """

    is_authenticated = True
    actor_kind = "token"  # as audit.record reads it

    def __init__(self, token: ApiToken) -> None:
        self.token = token
        self.owner = token.owner
        self.limit = limit_of(token)

    @property
    def is_active(self) -> bool:
        return bool(self.owner.is_active) and not self.token.is_over

    @property
    def is_superuser(self) -> bool:
        return bool(self.owner.is_superuser)

    def get_username(self) -> str:
        """ "ann (token deploy)": as it stands in the record, in at most 150 characters."""
        return named(self.owner.get_username(), self.token.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.owner, name)

    def __str__(self) -> str:
        return self.get_username()


def named(owner: str, token: str) -> str:
    """ "ann (token deploy)", of at most 150 characters: the owner's name is cut, never the token's."""
    tail = f" (token {token})"
    return f"{owner[: 150 - len(tail)]}{tail}"


def limit_of(token: ApiToken) -> Limit:
    """What the token narrows its owner to."""
    known = {verb.value for verb in Verb}
    verbs = frozenset(Verb(verb) for verb in token.verbs if verb in known)
    roots = None if token.roots is None else tuple((str(noun), int(pk)) for noun, pk in token.roots)
    return Limit(verbs=verbs, roots=roots)
