"""Data centers and clusters: read, limits, the policy that holds there."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from datacenter import orders, rows
from datacenter.api.pages import Filtered, Page, page
from datacenter.api.shared import Given, Pk, Ref, find, seen
from hosts.models import DataCenter, MigrationPolicy

router = Router(tags=["Data centers and clusters"])


class DataCenterOut(Schema):
    """A place with clusters; nothing migrates between two."""

    id: int
    name: str
    description: str
    most_on_network: int = Field(description="Migrations at once on its migration network.")
    migration_network: str
    migration_subnet: str


class ClusterOut(Schema):
    """Hosts alike enough to exchange running VMs."""

    id: int
    name: str
    description: str
    datacenter: Ref
    most_out: int = Field(description="Migrations that one host sends at once.")
    most_in: int = Field(description="Migrations that one host receives at once.")
    most_at_once: int = Field(description="Migrations at once in the whole cluster.")
    migration_policy: Ref | None = Field(description="null: Adaptive.")
    host_count: int
    vm_count: int


class NameAsk(Filtered):
    sort: Literal["name", "-name"] = "name"


class LimitsIn(Given):
    """How many migrations run at once. What is left out of the network's name and subnet stays."""

    most_out: int = Field(ge=1, le=1000)
    most_in: int = Field(ge=1, le=1000)
    most_at_once: int = Field(ge=1, le=1000)
    most_on_network: int = Field(ge=1, le=1000)
    migration_network: str | None = Field(None, max_length=80)
    migration_subnet: str | None = Field(None, max_length=43, description="Such as 10.78.0.0/24; empty: not stated.")


class PolicyIn(Given):
    """The migration policy that is to hold; null: none of its own."""

    policy: Pk | None


@router.get("/datacenters", response=Page[DataCenterOut])
def list_datacenters(request: HttpRequest, ask: Query[NameAsk]) -> Any:
    """Every data center."""
    return page(request, seen(request, DataCenter.objects.all()), ask, noun="datacenter", sorts={"name": "name"})


@router.get("/datacenters/{int:pk}", response=DataCenterOut)
def read_datacenter(request: HttpRequest, pk: int) -> Any:
    """One data center."""
    return find(request, DataCenter.objects.all(), "data center", pk=pk)


@router.get("/clusters", response=Page[ClusterOut])
def list_clusters(request: HttpRequest, ask: Query[NameAsk]) -> Any:
    """Every cluster, with how much there is in it."""
    found = seen(request, _clusters())
    return page(request, found, ask, noun="cluster", sorts={"name": "name"})


@router.get("/clusters/{int:pk}", response=ClusterOut)
def read_cluster(request: HttpRequest, pk: int) -> Any:
    """One cluster."""
    return find(request, _clusters(), "cluster", pk=pk)


@router.put("/clusters/{int:pk}/limits", response=ClusterOut)
def set_limits(request: HttpRequest, pk: int, given: LimitsIn) -> Any:
    """Let so many migrations run at once. What runs goes on."""
    cluster = find(request, _clusters(), "cluster", pk=pk)
    said: Any = {name: value for name, value in given.dict().items() if value is not None}
    orders.set_limits(request.user, cluster, **said)
    return _clusters().get(pk=pk)


@router.put("/clusters/{int:pk}/migration-policy", response=ClusterOut)
def assign_cluster_policy(request: HttpRequest, pk: int, given: PolicyIn) -> Any:
    """Let the cluster's VMs migrate under a policy. What is queued keeps the one it has."""
    orders.assign_policy(
        request.user, find(request, _clusters(), "cluster", pk=pk), policy_named(request, given.policy)
    )
    return _clusters().get(pk=pk)


def policy_named(request: HttpRequest, pk: int | None) -> MigrationPolicy | None:
    """The policy with this id. Problem (404)."""
    return None if pk is None else find(request, MigrationPolicy.objects.all(), "migration policy", pk=pk)


def _clusters() -> Any:
    return rows.clusters().select_related("migration_policy")
