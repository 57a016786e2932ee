"""Doubts: two copies of one VM, what each host says, and the remedies."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from datacenter import orders
from datacenter.api.pages import Ask, Page, page
from datacenter.api.shared import Given, Pk, Ref, VMRef, find, seen
from hosts.models import Doubt, Host

router = Router(tags=["Doubts"])


class DoubtOut(Schema):
    """Two hosts hold a copy of one VM: until one is gone nothing is done to it."""

    id: int
    vm: VMRef
    first: Ref
    second: Ref
    because: str
    evidence: list[dict[str, Any]]
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str
    remedy: str
    remedy_host: Ref | None
    remedy_by: str
    remedy_error: str


class DoubtAsk(Ask):
    sort: Literal["opened_at", "-opened_at"] = "-opened_at"


class RemedyIn(Given):
    """What is to be done to the copy on one of the two hosts."""

    verb: Literal["suspend", "end", "resume"]
    host: Pk


@router.get("/doubts", response=Page[DoubtOut])
def list_doubts(request: HttpRequest, ask: Query[DoubtAsk]) -> Any:
    """Open ones and resolved ones, newest first."""
    return page(request, seen(request, _doubts()), ask, noun="doubt", sorts={"opened_at": "opened_at"})


@router.get("/doubts/{int:pk}", response=DoubtOut)
def read_doubt(request: HttpRequest, pk: int) -> Any:
    """One doubt."""
    return find(request, _doubts(), "doubt", pk=pk)


@router.post("/doubts/{int:pk}/remedy", response=DoubtOut)
def order_remedy(request: HttpRequest, pk: int, given: RemedyIn) -> Any:
    """Order a remedy. The guardian looks at both hosts once more before it does it."""
    row = find(request, _doubts(), "doubt", pk=pk)
    orders.remedy(request.user, row, given.verb, find(request, Host.objects.all(), "host", pk=given.host))
    return _doubts().get(pk=pk)


def _doubts() -> Any:
    return Doubt.objects.select_related("vm", "first", "second", "remedy_host").defer("vm__xml")
