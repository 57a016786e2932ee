"""Maintenance policies with their windows, and migration policies."""

from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from datacenter import orders
from datacenter.api.nouns.terms import PLAIN, SteeringIn, TermsIn, TermsOut, told
from datacenter.api.pages import Ask, Page, page
from datacenter.api.problems import Problem
from datacenter.api.shared import Given, Pk, Ref, Version, find, find_all, seen, tag, version_of
from datacenter.maintenance import policies as maintenance
from datacenter.maintenance.windows import RuleRefused
from datacenter.models import MaintenancePolicy
from hosts.models import Cluster, Host, MigrationPolicy, PolicyVersion

router = Router(tags=["Policies"])
COUNT = 10


class WindowOut(Schema):
    """One occurrence, UTC."""

    starts_at: datetime
    ends_at: datetime


class MaintenancePolicyOut(Schema):
    """Hosts and windows, under a name. ``version`` rises with each change."""

    id: int
    name: str
    description: str
    enabled: bool
    version: int
    cluster: Ref
    tag: str = Field(description="Its hosts: those listed, else those with this tag, else all of the cluster.")
    hosts: list[Ref]
    rule: str
    starts_at_local: str = Field(description="In `zone`, such as 2026-11-29T02:00:00.")
    zone: str
    duration_minutes: int
    blackouts: list[str]
    terms: TermsOut
    made_by: str
    changed_at: datetime

    @staticmethod
    def resolve_hosts(row: Any) -> Any:
        return list(row.hosts.all())

    @staticmethod
    def resolve_starts_at_local(row: Any) -> Any:
        return row.starts_at_local.astimezone(UTC).replace(tzinfo=None).isoformat()

    @staticmethod
    def resolve_terms(row: Any) -> Any:
        return told(row.terms)


class MaintenancePolicyDetail(MaintenancePolicyOut):
    """With its next windows, whether it is enabled or not."""

    next_windows: list[WindowOut]

    @staticmethod
    def resolve_next_windows(row: Any) -> Any:
        try:
            return maintenance.preview(row, COUNT)
        except RuleRefused:  # a row of another version of Godwit; its page says so too
            return []


class MigrationPolicyOut(Schema):
    """How migrations are steered, under a name; each change makes a new version of what it says."""

    id: int
    name: str
    description: str
    built_in: bool
    version: int
    says: dict[str, Any]

    @staticmethod
    def resolve_version(row: Any) -> Any:
        return _newest(row).number

    @staticmethod
    def resolve_says(row: Any) -> Any:
        return _newest(row).data


class NameAsk(Ask):
    sort: Literal["name", "-name"] = "name"


class MaintenancePolicyIn(Given):
    """A policy as it is to be, whole."""

    name: str = Field(min_length=1, max_length=80)
    description: str = Field("", max_length=500)
    enabled: bool = True
    cluster: Pk
    tag: str = Field("", max_length=60)
    hosts: list[Pk] = Field(default=[], max_length=1000)
    rule: str = Field(min_length=1, max_length=300, examples=["FREQ=WEEKLY;BYDAY=SU"])
    starts_at_local: datetime = Field(description="In `zone`, without an offset.", examples=["2026-11-29T02:00:00"])
    zone: str = Field(min_length=1, max_length=60, examples=["Europe/Berlin"])
    duration_minutes: int = Field(ge=1, le=100_000)
    blackouts: list[str] = Field(default=[], max_length=200)
    terms: TermsIn = PLAIN
    version: Version | None = None


class EnableIn(Given):
    enabled: bool


class MigrationPolicyIn(Given):
    name: str = Field(min_length=1, max_length=80)
    description: str = Field("", max_length=500)
    says: SteeringIn


@router.get("/maintenance-policies", response=Page[MaintenancePolicyOut])
def list_maintenance_policies(request: HttpRequest, ask: Query[NameAsk]) -> Any:
    """Every maintenance policy."""
    return page(request, seen(request, _rows()), ask, noun="maintenance_policy", sorts={"name": "name"})


@router.post("/maintenance-policies", response={201: MaintenancePolicyDetail})
def make_maintenance_policy(request: HttpRequest, response: HttpResponse, given: MaintenancePolicyIn) -> Any:
    """A new policy; it opens windows by its rule, and makes a plan for its hosts in each."""
    row = maintenance.save_policy(request.user, None, _draft(request, given))
    return _answer(response, row.pk)


@router.get("/maintenance-policies/{int:pk}", response=MaintenancePolicyDetail)
def read_maintenance_policy(request: HttpRequest, response: HttpResponse, pk: int) -> Any:
    """One policy with its next windows; ETag is its version."""
    find(request, MaintenancePolicy.objects.all(), "maintenance policy", pk=pk)
    return _answer(response, pk)


@router.put("/maintenance-policies/{int:pk}", response=MaintenancePolicyDetail)
def change_maintenance_policy(request: HttpRequest, response: HttpResponse, pk: int, given: MaintenancePolicyIn) -> Any:
    """Make it say this. What runs under it keeps its own terms."""
    row = find(request, MaintenancePolicy.objects.all(), "maintenance policy", pk=pk)
    version = version_of(request, given.version, needed=True)
    maintenance.save_policy(request.user, row, _draft(request, given), version=version)
    return _answer(response, pk)


@router.post("/maintenance-policies/{int:pk}/enable", response=MaintenancePolicyDetail)
def enable_maintenance_policy(request: HttpRequest, response: HttpResponse, pk: int, given: EnableIn) -> Any:
    """Whether its windows open."""
    row = find(request, MaintenancePolicy.objects.all(), "maintenance policy", pk=pk)
    maintenance.enable(request.user, row, enabled=given.enabled)
    return _answer(response, pk)


@router.delete("/maintenance-policies/{int:pk}", response={204: None})
def delete_maintenance_policy(request: HttpRequest, pk: int) -> Any:
    """Take it away. Refused while a plan of it holds hosts."""
    maintenance.delete(request.user, find(request, MaintenancePolicy.objects.all(), "maintenance policy", pk=pk))


@router.get("/migration-policies", response=Page[MigrationPolicyOut])
def list_migration_policies(request: HttpRequest, ask: Query[NameAsk]) -> Any:
    """Every migration policy with what it says now."""
    return page(request, seen(request, _policies()), ask, noun="policy", sorts={"name": "name"})


@router.post("/migration-policies", response={201: MigrationPolicyOut})
def make_migration_policy(request: HttpRequest, given: MigrationPolicyIn) -> Any:
    """A new policy. Refused where it contradicts itself."""
    return _save(request, None, given)


@router.get("/migration-policies/{int:pk}", response=MigrationPolicyOut)
def read_migration_policy(request: HttpRequest, pk: int) -> Any:
    """One of them."""
    return find(request, _policies(), "migration policy", pk=pk)


@router.put("/migration-policies/{int:pk}", response=MigrationPolicyOut)
def change_migration_policy(request: HttpRequest, pk: int, given: MigrationPolicyIn) -> Any:
    """A new version of it. What ran or runs keeps the version it has."""
    return _save(request, find(request, _policies(), "migration policy", pk=pk), given)


@router.delete("/migration-policies/{int:pk}", response={204: None})
def remove_migration_policy(request: HttpRequest, pk: int) -> Any:
    """Take away one that nobody migrates under and nothing ever ran under."""
    orders.remove_policy(request.user, find(request, _policies(), "migration policy", pk=pk))


def _rows() -> Any:
    return MaintenancePolicy.objects.select_related("cluster").prefetch_related("hosts")


def _answer(response: HttpResponse, pk: int) -> MaintenancePolicy:
    row: MaintenancePolicy = _rows().get(pk=pk)
    tag(response, row.version)
    return row


def _draft(request: HttpRequest, given: MaintenancePolicyIn) -> maintenance.Draft:
    if given.starts_at_local.tzinfo is not None:
        words = "This is a local time of the zone: send it without an offset."
        raise Problem("invalid", words, field="starts_at_local")
    cluster = find(request, Cluster.objects.select_related("datacenter"), "cluster", pk=given.cluster)
    hosts = find_all(request, Host.objects.select_related("cluster__datacenter"), given.hosts, field="hosts")
    return maintenance.Draft(
        name=given.name,
        description=given.description,
        enabled=given.enabled,
        cluster=cluster,
        tag=given.tag,
        hosts=tuple(hosts),
        rule=given.rule,
        starts_at_local=given.starts_at_local,
        zone=given.zone,
        duration_minutes=given.duration_minutes,
        blackouts=tuple(given.blackouts),
        terms=given.terms.terms(),
    )


def _newest(row: MigrationPolicy) -> PolicyVersion:
    """Of those that were read with it: no query a row."""
    return max(row.versions.all(), key=lambda each: each.number)


def _policies() -> Any:
    return MigrationPolicy.objects.prefetch_related("versions")


def _save(request: HttpRequest, row: MigrationPolicy | None, given: MigrationPolicyIn) -> Any:
    saved = orders.save_policy(
        request.user, row, given.says.policy(), name=given.name.strip(), description=given.description
    )
    return _policies().get(pk=saved.pk)
