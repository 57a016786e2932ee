"""The addresses of the pages, grouped by noun."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path

from datacenter.screens import (
    accuracy,
    addhost,
    clusters,
    empty,
    hosts,
    limits,
    migrate,
    migration_list,
    migrations,
    overview,
    policies,
    power,
    vms,
)
from datacenter.screens.session import SignIn

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("tree", overview.tree, name="tree"),
    path("login", SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("datacenters", clusters.datacenters, name="datacenters"),
    path("clusters", clusters.clusters, name="clusters"),
    path("clusters/<int:pk>", clusters.cluster, name="cluster"),
    path("clusters/<int:pk>/limits", limits.cluster_limits, name="cluster_limits"),
    path("hosts", hosts.hosts, name="hosts"),
    path("hosts/add", addhost.host_add, name="host_add"),
    path("hosts/<int:pk>", hosts.host, name="host"),
    path("hosts/<int:pk>/remove", addhost.host_remove, name="host_remove"),
    path("hosts/<int:pk>/migrate", empty.host_migrate_all, name="host_migrate_all"),
    path("hosts/<int:pk>/loads", hosts.host_loads, name="host_loads"),
    path("vms", vms.vms, name="vms"),
    path("vms/<uuid:uuid>", vms.vm, name="vm"),
    path("vms/<uuid:uuid>/loads", vms.vm_loads, name="vm_loads"),
    path("vms/<uuid:uuid>/power", power.vm_power, name="vm_power"),
    path("vms/<uuid:uuid>/migrate", migrate.vm_migrate, name="vm_migrate"),
    path("vms/<uuid:uuid>/plan", migrate.vm_plan, name="vm_plan"),
    path("vms/<uuid:uuid>/policy", policies.vm_policy, name="vm_policy"),
    path("clusters/<int:pk>/policy", policies.cluster_policy, name="cluster_policy"),
    path("policies", policies.policies, name="policies"),
    path("policies/new", policies.policy_new, name="policy_new"),
    path("policies/<int:pk>", policies.policy, name="policy"),
    path("policies/<int:pk>/edit", policies.policy_edit, name="policy_edit"),
    path("policies/<int:pk>/remove", policies.policy_remove, name="policy_remove"),
    path("vms/<uuid:uuid>/measure", migrate.vm_measure, name="vm_measure"),
    path("migrations", migration_list.migrations, name="migrations"),
    path("migrations/accuracy", accuracy.accuracy, name="accuracy"),
    path("migrations/<int:pk>", migrations.page, name="migration"),
    path("migrations/<int:pk>/samples", migrations.samples, name="migration_samples"),
    path("migrations/<int:pk>/adjust", migrations.adjust, name="migration_adjust"),
]
