"""Migration policies: the list, a policy's page with its versions, the form, and who migrates under which."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import Verb, can
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.policy_form import PolicyForm, typed
from hosts.livemigration.policy import Policy, from_json
from hosts.livemigration.shipped import ADAPTIVE
from hosts.livemigration.terms import newest
from hosts.models import VM, Cluster, MigrationPolicy

LISTING = Listing(
    key="policies",
    noun="policy",
    row_template="policies/_row.html",
    search=("name", "description"),
    empty="There is no policy.",
    columns=(
        Column(key="name", label="Name", sort="name", optional=False),
        Column(key="description", label="What it does", width="c-medium"),
        Column(key="version", label="Version", sort="version", end=True),
        Column(key="clusters", label="Clusters", sort="cluster_count", end=True),
        Column(key="vms", label="VMs", sort="vm_count", end=True),
        Column(key="migrations", label="Migrations", sort="migration_count", end=True, width="c-wide"),
    ),
)


@require_safe
def policies(request: HttpRequest) -> HttpResponse:
    """Every policy, with who migrates under it."""
    return show(request, LISTING, _rows(), "policies/list.html", {"default": ADAPTIVE})


@require_safe
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    """What it says, in words, and its versions. ``?version=`` shows an older one."""
    row = get_object_or_404(_rows(), pk=pk)
    versions = list(row.versions.order_by("-number"))
    wanted = request.GET.get("version", str(versions[0].number))
    shown = next((each for each in versions if str(each.number) == wanted), None)
    if shown is None:
        raise BadParameter(f"{row} has no version “{wanted[:20]}”.")
    context = {"policy": row, "versions": versions, "shown": shown, "says": from_json(shown.data)}
    return render(request, "policies/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def policy_new(request: HttpRequest) -> HttpResponse:
    """A new policy, begun as a copy of the one in ``?from=``, or of Adaptive."""
    _administer(request)
    return _edit(request, None, _begun(request.GET.get("from", "")))


@require_http_methods(["GET", "HEAD", "POST"])
def policy_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """A new version of a policy."""
    _administer(request)
    row = get_object_or_404(MigrationPolicy, pk=pk)
    return _edit(request, row, from_json(newest(row).data))


@require_POST
def policy_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it away, where nothing holds it."""
    row = get_object_or_404(MigrationPolicy, pk=pk)
    try:
        orders.remove_policy(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        return redirect("policy", pk)
    messages.success(request, f"{row} is removed.")
    return redirect("policies")


@require_POST
def cluster_policy(request: HttpRequest, pk: int) -> HttpResponse:
    """Under which policy the VMs of a cluster migrate."""
    cluster = get_object_or_404(Cluster, pk=pk)
    _assign(request, cluster)
    return redirect("cluster", pk)


@require_POST
def vm_policy(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Under which policy one VM migrates, whatever its cluster says."""
    _assign(request, get_object_or_404(VM.objects.select_related("host__cluster"), uuid=uuid))
    return redirect(reverse("vm", args=[uuid]) + "?tab=policy")


def _assign(request: HttpRequest, target: Cluster | VM) -> None:
    chosen = request.POST.get("policy", "")
    row = MigrationPolicy.objects.filter(pk=int(chosen)).first() if chosen.isascii() and chosen.isdigit() else None
    if chosen and row is None:
        messages.error(request, "That policy is no longer there. Pick another.")
        return
    try:
        orders.assign_policy(request.user, target, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Set. What is queued or runs keeps the policy it was asked for with.")


def _edit(request: HttpRequest, row: MigrationPolicy | None, begun: Policy) -> HttpResponse:
    named = {"name": row.name, "description": row.description} if row else {}
    form = PolicyForm(request.POST or None, initial=typed(begun) | named)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = orders.save_policy(
                request.user, row, form.policy(), name=given["name"], description=given["description"]
            )
        except orders.Refused as exc:
            form.blame(exc.field, str(exc))
        else:
            messages.success(request, "Saved. Migrations asked for from now on go by it.")
            return redirect("policy", made.pk)
    return render(request, "policies/edit.html", {"policy": row, "form": form}, status=422 if form.is_bound else 200)


def _begun(source: str) -> Policy:
    if not source:
        return Policy()
    row = MigrationPolicy.objects.filter(pk=int(source)).first() if source.isascii() and source.isdigit() else None
    if row is None:
        raise Http404("There is no such policy.")
    return from_json(newest(row).data)


def _administer(request: HttpRequest) -> None:
    if not can(request.user, Verb.ADMINISTER):
        raise PermissionDenied("Only an administrator may change policies.")


def _rows() -> QuerySet[Any]:
    return MigrationPolicy.objects.annotate(
        version=Max("versions__number"),
        cluster_count=Count("clusters", distinct=True),
        vm_count=Count("vms", distinct=True),
        migration_count=Count("versions__migrations", distinct=True),
    )
