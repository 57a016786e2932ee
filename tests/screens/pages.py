"""Every page there is, as an address for a small inventory: what tests that hold for all pages go through."""

from django.urls import reverse

from datacenter.models import MaintenancePolicy, Plan
from hosts.livemigration.shipped import ADAPTIVE
from hosts.livemigration.terms import ship
from hosts.models import VM, Cluster, Host, Migration


def addresses() -> dict[str, str]:
    """Name -> address. Needs a VM, a host, a cluster and a migration to be there."""
    vm = VM.objects.order_by("pk").first()
    host = Host.objects.order_by("pk").first()
    cluster = Cluster.objects.order_by("pk").first()
    migration = Migration.objects.order_by("pk").first()
    assert vm
    assert host
    assert cluster
    assert migration
    names = ("overview", "datacenters", "clusters", "hosts", "vms", "migrations", "maintenance", "tree")
    names += ("maintenance_policies", "maintenance_calendar")
    pages = {name: reverse(name) for name in names}
    pages["cluster"] = reverse("cluster", args=[cluster.pk])
    pages["cluster/affinity"] = reverse("cluster", args=[cluster.pk]) + "?tab=affinity"
    pages["accuracy"] = reverse("accuracy")
    pages["migration"] = reverse("migration", args=[migration.pk])
    pages["vm_migrate"] = reverse("vm_migrate", args=[vm.uuid])
    pages["host_migrate_all"] = reverse("host_migrate_all", args=[host.pk])
    for tab in ("vms", "migrations", "maintenance", "checks", "events"):
        pages[f"host/{tab}"] = reverse("host", args=[host.pk]) + f"?tab={tab}"
    policy = ship(ADAPTIVE)  # what comes with Godwit is gone where a test before emptied the tables
    pages["policies"], pages["policy"] = reverse("policies"), reverse("policy", args=[policy.pk])
    for tab in ("disks", "networks", "migrations", "events", "policy", "rules", "xml"):
        pages[f"vm/{tab}"] = reverse("vm", args=[vm.uuid]) + f"?tab={tab}"
    if made := MaintenancePolicy.objects.order_by("pk").first():
        pages["maintenance_policy"] = reverse("maintenance_policy", args=[made.pk])
    if plan := Plan.objects.order_by("pk").first():
        pages["plan"] = reverse("plan", args=[plan.pk])
    return pages
