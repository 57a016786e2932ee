"""What may be ordered of affinity groups: making, changing and removing them."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.models import AffinityGroup
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.models import VM, Cluster


def save_affinity(
    user: Any,
    cluster: Cluster,
    group: AffinityGroup | None,
    *,
    name: str,
    together: bool,
    hard: bool,
    vms: Iterable[VM],
) -> AffinityGroup:
    """Make a group (None) or change one. Its VMs are two or more of one cluster. Forbidden, or Refused with the field.

    Running VMs stay where they are: the group counts for what is placed from now on.
    """
    require(user, Verb.ADMINISTER, cluster, order="save_affinity")
    members = list(vms)
    if not name.strip():
        raise Refused("A group needs a name.", field="name")
    if len({vm.pk for vm in members}) < 2:
        raise Refused("A group needs two VMs or more: one alone is together and apart with nobody.", field="vms")
    if stranger := next((vm for vm in members if vm.host.cluster_id != cluster.pk), None):
        raise Refused(f"{stranger} is not in {cluster}: VMs of two clusters never share a host.", field="vms")
    try:
        with transaction.atomic():
            return _write(user, group or AffinityGroup(), members, name=name.strip(), together=together, hard=hard)
    except IntegrityError as exc:
        raise Refused(f"There is a group “{name.strip()}” already.", field="name") from exc


def _write(user: Any, row: AffinityGroup, members: list[VM], *, name: str, together: bool, hard: bool) -> AffinityGroup:
    row.name, row.together, row.hard = name, together, hard
    row.save()
    row.vms.set(members)
    kind = f"{'must' if hard else 'should'} be {'together' if together else 'apart'}"
    audit.record(user, "save_affinity", row, detail=f"{kind}: {', '.join(str(vm) for vm in members)}")
    for vm in members:
        feed.changed("vm", vm.pk)
    return row


def remove_affinity(user: Any, cluster: Cluster, group: AffinityGroup) -> None:
    """Take a group away. Its VMs stay where they are. Forbidden."""
    require(user, Verb.ADMINISTER, cluster, order="remove_affinity")
    with transaction.atomic():
        audit.record(user, "remove_affinity", group)
        for vm in group.vms.all():
            feed.changed("vm", vm.pk)
        group.delete()
