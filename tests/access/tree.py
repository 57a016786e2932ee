"""A small data center with one of each noun in it, and another data center beside it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group

from datacenter.access import SHELL
from datacenter.maintenance.plans import make_plan
from datacenter.maintenance.terms import Terms
from datacenter.models import AffinityGroup, Alert, Display, MaintenancePolicy, Plan, Role, RoleBinding, User
from hosts.livemigration.shipped import ADAPTIVE
from hosts.livemigration.terms import ship
from hosts.models import VM, Cluster, Doubt, Event, Host, Migration, MigrationPolicy
from tests.factory import make_cluster, make_host, make_migration, make_vm
from tests.maintenance.drafts import make_policy
from tests.people import give, role, viewer
from tests.wall.displays import make_display


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Names are those of ``urls_and_verbs.Need.of``."""

    cluster: Cluster
    host: Host
    vm: VM
    migration: Migration
    doubt: Doubt
    plan: Plan
    policy: MigrationPolicy
    maintenance_policy: MaintenancePolicy
    affinity: AffinityGroup
    alert: Alert
    display: Display
    event: Event
    user: User
    group: Group
    role: Role
    read_only: Role
    binding: RoleBinding

    def key(self, name: str, of: str) -> Any:
        """What stands in an address for <…:name>, where it is about the sample ``of``."""
        match name, of:
            case "uuid", _:
                return self.vm.uuid
            case "pk", _ if of:
                return 1 if of == "level" else getattr(self, of).pk
            case "host", "plan":
                return self.plan.hosts.get().pk
            case "move", "plan":
                return self.plan.hosts.get().moves.order_by("pk").values_list("pk", flat=True).first() or 0
            case "step", "plan":
                return self.plan.hosts.get().steps.get().pk
            case "group", _:
                return self.affinity.pk
            case "level", _:
                return "cluster"
            case "row", _:
                return self.cluster.pk
        return {"noun": "vms", "kind": "host_silent", "link": "x" * 43, "rest": "x"}.get(name, 1)


def plant(name: str = "here") -> Tree:
    """All of it in a data center of this name, below one cluster."""
    cluster = make_cluster(f"{name}-blue", datacenter=name)
    host, spare = make_host(f"{name}-h1", cluster=cluster), make_host(f"{name}-h2", cluster=cluster)
    vm, twin, third = (make_vm(f"{name}-{each}", host=host) for each in ("vm1", "vm2", "vm3"))
    affinity = AffinityGroup.objects.create(name=f"{name}-pair", together=False)
    affinity.vms.set([vm, twin])
    user, group = viewer(f"{name}-vera", on=cluster), Group.objects.create(name=f"{name}-night shift")
    plan = make_plan(SHELL, [host], title=f"{name}-boards", reason="", terms=Terms(steps=()))
    plan.hosts.get().steps.create(kind="confirm", when="empty", params={"question": "Done?"})
    return Tree(
        cluster=cluster,
        host=host,
        vm=vm,
        migration=make_migration(twin, destination=spare, state="copying"),
        doubt=Doubt.objects.create(vm=third, first=host, second=spare, because="Both say that it runs.", evidence=[]),
        plan=plan,
        policy=ship(ADAPTIVE),
        maintenance_policy=make_policy(cluster, name=f"{name}-nights"),
        affinity=affinity,
        alert=Alert.objects.create(
            kind="host_silent", subject_noun="host", subject_pk=host.pk, name=host.name, severity="error", rank=1,
            sentence="It does not answer.", host_pk=host.pk, cluster_pk=cluster.pk, datacenter_pk=cluster.datacenter_id,
        ),
        display=make_display(f"{name}-wall", of=cluster)[0],
        event=Event.objects.order_by("pk").first() or Event(),
        user=user,
        group=group,
        role=Role.objects.create(name=f"{name}-own", verbs=["view"]),
        read_only=role("Read-only"),
        binding=give(user, "Read-only", on=cluster),
    )  # fmt: skip
