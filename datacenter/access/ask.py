"""May this person do that to this, to which of these, and why."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth.models import Group
from django.db.models import Model, Q, QuerySet

from datacenter.access.paths import System, ancestors, rule_of
from datacenter.access.reach import reaches
from datacenter.access.verbs import Verb
from datacenter.models import RoleBinding, User

M = TypeVar("M", bound=Model)


def can(user: Any, verb: Verb, target: Model | System | None = None) -> bool:
    """Whether ``user`` (anonymous too) may do ``verb`` to ``target``; None: to anything at all.

    ADMINISTER counts on the system only, so that no role further down makes an administrator of the installation.
    """
    within = reaches(user, verb)
    if not within:
        return False
    if isinstance(target, System) or verb is Verb.ADMINISTER:
        return all(reach.everywhere for reach in within)
    return target is None or all(
        reach.everywhere or rule_of(type(target)).covers(reach, verb, target) for reach in within
    )


def visible(user: Any, rows: QuerySet[M], verb: Verb = Verb.VIEW) -> QuerySet[M]:
    """Those of ``rows`` to which ``user`` may do ``verb``, filtered in the query."""
    within = reaches(user, verb)
    if not within or (verb is Verb.ADMINISTER and not all(reach.everywhere for reach in within)):
        return rows.none()
    for reach in within:
        if not reach.everywhere:
            rows = rows.filter(rule_of(rows.model).among(reach, verb, rows.model))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One binding, and how it comes to count: ``inherited`` from further up, through ``group`` if it is a group's."""

    binding: RoleBinding
    inherited: bool

    @property
    def group(self) -> Group | None:
        return self.binding.group


def given_on(target: Model | System) -> list[Reason]:
    """Every role that counts on ``target``, its own first, then from further up. One query, one for each step up."""
    line = ancestors(target)
    wanted = Q(pk__in=())
    for level, row in line:
        wanted |= Q(level=level, row=row)
    found = RoleBinding.objects.filter(wanted).select_related("role", "user", "group")
    rank = {at: number for number, at in enumerate(line)}
    ordered = sorted(found, key=lambda each: (rank[each.level, each.row], each.role.name, str(each.user or each.group)))
    return [Reason(binding=each, inherited=(each.level, each.row) != line[0]) for each in ordered]


def why(user: Any, verb: Verb, target: Model | System) -> list[Reason]:
    """The bindings that let ``user`` do ``verb`` to ``target``. None are needed by a superuser."""
    groups = set(Group.objects.filter(user=user.pk).values_list("pk", flat=True))
    return [
        each
        for each in given_on(target)
        if verb in each.binding.role.verbs and (each.binding.user_id == user.pk or each.binding.group_id in groups)
    ]


def administrators() -> QuerySet[User]:
    """Who can log in and give anybody any role: superusers, and who has ADMINISTER and GRANT on the system."""
    roles = RoleBinding.objects.filter(level="system", role__verbs__contains=[Verb.ADMINISTER, Verb.GRANT])
    by_role = Q(pk__in=roles.values("user")) | Q(groups__in=roles.values("group"))
    return User.objects.filter(Q(is_superuser=True) | by_role, is_active=True).distinct()
