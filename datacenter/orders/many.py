"""Many migrations ordered at once: placed together, each taken or refused by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from datacenter import audit, placement
from datacenter.access import Verb
from datacenter.orders.ask import require
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.models import VM, Host, Migration, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of one VM: its migration, or why there is none."""

    vm: VM
    migration: Migration | None = None
    reason: str = ""


def migrate_many(
    user: Any, vms: Iterable[VM], destination: Host | None = None, *, priority: Priority = Priority.PERSON
) -> list[Moved]:
    """Order a migration of each VM, to ``destination`` or to hosts that take them together. Forbidden if ``user`` may
    not move one of them: then none is. A VM that nobody can take keeps the others from nothing.
    """
    vms = list(vms)
    for vm in vms:
        require(user, Verb.OPERATE, vm, order="migrate")
    ranked = placement.rank_together(vms, destination=destination)
    return [
        _migrate(user, vm, judged, picked=destination is not None, priority=priority) for vm, judged in ranked.items()
    ]


def _migrate(user: Any, vm: VM, judged: list[placement.Candidate], *, picked: bool, priority: Priority) -> Moved:
    judged = placement.keep_off(judged)
    fit = [each.host for each in judged if each.ok]
    if not fit:
        return _refused(user, vm, placement.nobody(judged))
    others = () if picked else fit[1:]
    try:
        with transaction.atomic():
            migration = request_migration(vm, fit[0], actor=user.get_username(), priority=priority, alternatives=others)
            audit.record(user, "migrate", vm, detail=f"from {migration.source} to {fit[0]}")
    except RequestRefused as exc:
        return _refused(user, vm, str(exc))
    return Moved(vm=vm, migration=migration)


def _refused(user: Any, vm: VM, reason: str) -> Moved:
    audit.record(user, "migrate", vm, detail=reason, refused=True)
    return Moved(vm=vm, reason=reason)
