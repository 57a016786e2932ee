"""Where somebody may do a verb: sets of primary keys, read with one query (two where a data center is among them).

They are kept on the user's object, which lives as long as a request, and read again as soon as any role, group or
binding changed in this process; another process hears of a change by the feed (``changes``).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q

from datacenter.access.principals import Limit
from datacenter.access.verbs import Verb
from datacenter.models import RoleBinding
from hosts.models import Cluster

Level = RoleBinding.Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Everywhere, or on these objects and what is below. ``clusters`` has those of ``datacenters`` too."""

    everywhere: bool = False
    datacenters: frozenset[int] = frozenset()
    clusters: frozenset[int] = frozenset()
    hosts: frozenset[int] = frozenset()
    vms: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.datacenters or self.clusters or self.hosts or self.vms)


EVERYWHERE, NOWHERE = Reach(everywhere=True), Reach()

_KNOWN = frozenset(verb.value for verb in Verb)
_generation = 0


def forget() -> None:
    """Whatever was read of anybody's roles is read again."""
    global _generation  # one number a process, compared only
    _generation += 1


def reaches(user: Any, verb: Verb) -> tuple[Reach, ...]:
    """Where ``user`` may do ``verb``: within each of these. () for nowhere."""
    if not user.is_authenticated or not user.is_active:
        return ()
    limit: Limit | None = getattr(user, "limit", None)
    if limit is not None and limit.verbs is not None and verb not in limit.verbs:
        return ()
    owner = getattr(user, "owner", None) or user
    own = EVERYWHERE if user.is_superuser else _kept(owner, "_reach_by_verb", _read).get(verb, NOWHERE)
    if not own or (owner is not user and not owner.is_active):
        return ()
    if limit is None or limit.roots is None:
        return (own,)
    within = _kept(user, "_reach_of_limit", _of_limit)
    return tuple(each for each in (own, within) if not each.everywhere) or (EVERYWHERE,) if within else ()


def _kept(person: Any, name: str, read: Any) -> Any:
    """What ``read`` says of the person, kept on the object until ``forget``."""
    kept = getattr(person, name, None)
    if kept is None or kept[0] != _generation:
        kept = (_generation, read(person))
        setattr(person, name, kept)
    return kept[1]


def _read(person: Any) -> dict[Verb, Reach]:
    if getattr(person, "pk", None) is None:
        return {}
    theirs = Q(user=person.pk) | Q(group__in=Group.objects.filter(user=person.pk))
    given = RoleBinding.objects.filter(theirs).values_list("role__verbs", "level", "row")
    roots: dict[Verb, set[tuple[str, int]]] = defaultdict(set)
    for verbs, level, row in given:
        for verb in _KNOWN & set(verbs):
            roots[Verb(verb)].add((level, row))
    clusters = _clusters_of({row for many in roots.values() for level, row in many if level == Level.DATACENTER})
    return {verb: _reach(many, clusters) for verb, many in roots.items()}


def _of_limit(principal: Any) -> Reach:
    roots = principal.limit.roots
    return _reach(roots, _clusters_of({row for level, row in roots if level == Level.DATACENTER}))


def _clusters_of(datacenters: set[int]) -> dict[int, int]:
    """Cluster -> data center, of these data centers."""
    if not datacenters:
        return {}
    return dict(Cluster.objects.filter(datacenter__in=datacenters).order_by().values_list("pk", "datacenter_id"))


def _reach(roots: Iterable[tuple[str, int]], clusters: dict[int, int]) -> Reach:
    by_level: dict[str, set[int]] = defaultdict(set)
    for level, row in roots:
        by_level[level].add(row)
    if Level.SYSTEM in by_level:
        return EVERYWHERE
    datacenters = by_level[Level.DATACENTER]
    below = {cluster for cluster, datacenter in clusters.items() if datacenter in datacenters}
    return Reach(
        datacenters=frozenset(datacenters),
        clusters=frozenset(by_level[Level.CLUSTER] | below),
        hosts=frozenset(by_level[Level.HOST]),
        vms=frozenset(by_level[Level.VM]),
    )
