"""Affinity groups: VMs that run together on one host, or each on another."""

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from datacenter import orders, rows
from datacenter.api.pages import Ask, Page, page
from datacenter.api.problems import Problem
from datacenter.api.shared import Given, Pk, VMRef, find, seen
from datacenter.models import AffinityGroup
from hosts.models import VM, Cluster

router = Router(tags=["Affinity"])


class AffinityOut(Schema):
    """A group. ``hard``: a rule; else a wish."""

    id: int
    name: str
    together: bool
    hard: bool
    vms: list[VMRef]

    @staticmethod
    def resolve_vms(row: Any) -> Any:
        return list(row.vms.all())


class AffinityAsk(Ask):
    sort: Literal["name", "-name"] = "name"


class AffinityIn(Given):
    """A group as it is to be, whole."""

    cluster: Pk
    name: str = Field(min_length=1, max_length=80)
    together: bool
    hard: bool = False
    vms: list[UUID] = Field(min_length=2, max_length=1000)


@router.get("/affinity", response=Page[AffinityOut])
def list_affinity(request: HttpRequest, ask: Query[AffinityAsk]) -> Any:
    """Every group."""
    return page(request, seen(request, _groups()), ask, noun="affinity_group", sorts={"name": "name"})


@router.post("/affinity", response={201: AffinityOut})
def make_affinity(request: HttpRequest, given: AffinityIn) -> Any:
    """A new group. Running VMs stay where they are: it counts for what is placed from now on."""
    return _save(request, None, given)


@router.get("/affinity/{int:pk}", response=AffinityOut)
def read_affinity(request: HttpRequest, pk: int) -> Any:
    """One group."""
    return find(request, _groups(), "affinity group", pk=pk)


@router.put("/affinity/{int:pk}", response=AffinityOut)
def change_affinity(request: HttpRequest, pk: int, given: AffinityIn) -> Any:
    """Make it this."""
    return _save(request, find(request, _groups(), "affinity group", pk=pk), given)


@router.delete("/affinity/{int:pk}", response={204: None})
def remove_affinity(request: HttpRequest, pk: int) -> Any:
    """Take it away; its VMs stay where they are."""
    group = find(request, _groups(), "affinity group", pk=pk)
    cluster = Cluster.objects.filter(hosts__vms__affinity_groups=group).first()
    if cluster is None:
        raise Problem("conflict", "None of its VMs is on a host of any cluster.")
    orders.remove_affinity(request.user, cluster, group)


def _groups() -> Any:
    return AffinityGroup.objects.prefetch_related("vms")


def _save(request: HttpRequest, row: AffinityGroup | None, given: AffinityIn) -> Any:
    cluster = find(request, Cluster.objects.all(), "cluster", pk=given.cluster)
    vms: dict[UUID, VM] = {vm.uuid: vm for vm in seen(request, rows.vms()).filter(uuid__in=given.vms)}
    if missing := next((each for each in given.vms if each not in vms), None):
        raise Problem("invalid", f"There is no VM {missing}.", field="vms")
    group = orders.save_affinity(
        request.user,
        cluster,
        row,
        name=given.name,
        together=given.together,
        hard=given.hard,
        vms=list(vms.values()),
    )
    return _groups().get(pk=group.pk)
