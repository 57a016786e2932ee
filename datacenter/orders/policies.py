"""What may be ordered of migration policies: making and changing them, and who migrates under which."""

import json
from typing import Any

from django.db import IntegrityError, transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.livemigration.policy import Contradiction, Policy, as_json, check
from hosts.livemigration.terms import newest
from hosts.models import VM, Cluster, MigrationPolicy, PolicyVersion


def save_policy(
    user: Any, policy: MigrationPolicy | None, says: Policy, *, name: str, description: str
) -> MigrationPolicy:
    """Make a policy (None), or give one a new version. What ran or runs keeps the version it has.

    Forbidden; Refused with the field where it contradicts itself, where the name is taken, or a built-in one's changes.
    """
    row = policy or MigrationPolicy(name=name)
    require(user, Verb.ADMINISTER, row, order="save_policy")
    try:
        check(says)
    except Contradiction as exc:
        audit.record(user, "save_policy", row, detail=str(exc), refused=True)
        raise Refused(str(exc), field=exc.field) from exc
    if row.built_in and name != row.name:
        raise Refused("A policy that came with Godwit keeps its name. Save it as a new one instead.", field="name")
    try:
        with transaction.atomic():
            return _write(user, row, says, name=name, description=description)
    except IntegrityError as exc:
        raise Refused(
            f"There is a policy “{name}” already, or somebody changed it at this moment.", field="name"
        ) from exc


def _write(user: Any, row: MigrationPolicy, says: Policy, *, name: str, description: str) -> MigrationPolicy:
    row.name, row.description = name, description
    row.save()
    last = row.versions.order_by("-number").first()
    if last is None or last.data != _as_stored(says):
        number = last.number + 1 if last else 1
        made = PolicyVersion.objects.create(policy=row, number=number, data=as_json(says), made_by=user.get_username())
        audit.record(user, "save_policy", row, detail=f"version {made.number}")
    return row


def _as_stored(says: Policy) -> dict[str, Any]:
    """As the database gives it back: lists for tuples, words for enums."""
    stored: dict[str, Any] = json.loads(json.dumps(as_json(says)))
    return stored


def remove_policy(user: Any, policy: MigrationPolicy) -> None:
    """Take a policy away that nobody migrates under and nothing ever ran under. Forbidden, Refused."""
    require(user, Verb.ADMINISTER, policy, order="remove_policy")
    if policy.built_in:
        raise Refused("A policy that came with Godwit stays.")
    if policy.clusters.exists() or policy.vms.exists():
        raise Refused(f"Clusters or VMs migrate under {policy}. Give them another policy first.")
    if policy.versions.filter(migrations__isnull=False).exists():
        raise Refused(f"Migrations ran under {policy}: it is kept, so that they can be understood.")
    with transaction.atomic():
        audit.record(user, "remove_policy", policy)
        policy.versions.all().delete()
        policy.delete()


def assign_policy(user: Any, target: Cluster | VM, policy: MigrationPolicy | None) -> None:
    """Let a cluster or a VM migrate under ``policy``; None: under Adaptive, or under its cluster's. Forbidden.

    What is queued or runs keeps the version it was asked for with.
    """
    verb = Verb.ADMINISTER if isinstance(target, Cluster) else Verb.OPERATE
    require(user, verb, target, order="assign_policy")
    with transaction.atomic():
        type(target)._default_manager.filter(pk=target.pk).update(migration_policy=policy)
        audit.record(user, "assign_policy", target, detail=str(newest(policy)) if policy else "none of its own")
        feed.changed("cluster" if isinstance(target, Cluster) else "vm", target.pk)
