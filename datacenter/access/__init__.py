"""The one question, asked by pages, sockets, orders and the API alike: may this person do that to this?

A role is a set of verbs, given to a user or a group on the system, a data center, a cluster, a host or a VM; it reaches
everything below. Nothing is allowed that no role allows, and no role forbids. Who is asked about is anything with
``is_authenticated``, ``is_active``, ``is_superuser`` and ``get_username()``: a user, or a principal that acts for one
(``owner``) with less than he may (``limit``). A superuser may do all.

| module | what |
|---|---|
| verbs | the verbs in words, the roles that come with Godwit |
| reach | where somebody may do a verb: a few sets of primary keys, read once a request |
| paths | how each model hangs in the tree: VM -> host -> cluster -> data center -> system |
| ask | ``can``, ``visible``, ``why`` |
| looking | who looks at a page: ``seen`` narrows what forms, filters and tags read |
| changes | what must be forgotten when a role is given or taken |
"""

from datacenter.access.ask import Reason, administrators, can, given_on, visible, why
from datacenter.access.looking import allowed, looking, seen
from datacenter.access.paths import SYSTEM, System, belongs
from datacenter.access.principals import SHELL, Limit, Shell
from datacenter.access.reach import EVERYWHERE, NOWHERE, Reach, forget, reaches
from datacenter.access.verbs import Verb

__all__ = [
    "EVERYWHERE", "NOWHERE", "SHELL", "SYSTEM", "Limit", "Reach", "Reason", "Shell", "System", "Verb",
    "administrators", "allowed", "belongs", "can", "forget", "given_on", "looking", "reaches", "seen", "visible", "why",
]  # fmt: skip
