"""Maintenance policies: the list, a policy's page with its windows and what came of them, the form with its preview."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders, rows
from datacenter.access import Verb, can
from datacenter.maintenance import policies as maintenance_policies
from datacenter.maintenance import windows
from datacenter.maintenance.patterns import in_words
from datacenter.maintenance.terms import Terms
from datacenter.models import MaintenancePolicy, holding
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.maintenance import LISTING as PLANS
from datacenter.screens.maintenance_policy_form import PolicyForm, begun, terms_of
from hosts.models import Cluster, Host

COUNT = 10
MOST_RUNS = 30
LISTING = Listing(
    key="maintenance_policies",
    noun="policy",
    row_template="maintenance_policies/_row.html",
    search=("name", "description", "cluster__name", "zone"),
    empty="No policy yet. A policy opens windows by a rule, and makes a plan for its hosts in each.",
    columns=(
        Column(key="enabled", label="State", sort="enabled", optional=False),
        Column(key="name", label="Policy", sort="name", optional=False),
        Column(key="cluster", label="Cluster", sort="cluster__name", width="c-wide"),
        Column(key="hosts", label="Hosts", width="c-medium"),
        Column(key="rule", label="Windows", width="c-wide"),
        Column(key="next", label="Next window"),
        Column(key="runs", label="Served", sort="run_count", end=True, width="c-wide", hint="Windows that began"),
        Column(key="last", label="Last window", sort="last_run", end=True, width="c-medium"),
    ),
)


@require_safe
def policies(request: HttpRequest) -> HttpResponse:
    """Every policy with its next window."""
    return show(request, LISTING, _rows(), "maintenance_policies/list.html", {"tab": "policies"})


@require_safe
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    """Its next windows, what it says, the windows that began and what came of them, its plans."""
    row = get_object_or_404(_rows(), pk=pk)
    context: dict[str, Any] = {
        "policy": row,
        "tab": "policies",
        "terms": Terms.from_json(row.terms),
        "hosts": maintenance_policies.hosts_of(row),
        "runs": row.runs.select_related("plan")[:MOST_RUNS],
        "plans": rows.plans().filter(policy=row).order_by("-made_at")[:MOST_RUNS],
        "columns": PLANS.columns,
        "holds": row.plans.filter(holding()).exists(),
    }
    return render(request, "maintenance_policies/page.html", context | _foreseen(row))


@require_http_methods(["GET", "HEAD", "POST"])
def policy_new(request: HttpRequest) -> HttpResponse:
    """A new policy; ``?cluster=`` chooses one."""
    _administer(request)
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def policy_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one. What runs under it keeps the terms it began with."""
    _administer(request)
    return _edit(request, get_object_or_404(MaintenancePolicy, pk=pk))


@require_POST
def policy_preview(request: HttpRequest) -> HttpResponse:
    """The fragment with the next windows of what is typed, or why there are none."""
    _administer(request)
    return render(request, "maintenance_policies/_preview.html", _previewed(PolicyForm(request.POST)))


@require_POST
def policy_hosts(request: HttpRequest) -> HttpResponse:
    """The fragment in which hosts of the chosen cluster are picked."""
    _administer(request)
    form = PolicyForm(request.POST)
    return render(request, "maintenance_policies/_hosts.html", {"form": form, "quiet": True} | _choosable(form))


@require_POST
def policy_enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch it on, or off with ``enabled=`` empty."""
    row = get_object_or_404(MaintenancePolicy, pk=pk)
    on = bool(request.POST.get("enabled"))
    try:
        maintenance_policies.enable(request.user, row, enabled=on)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Its windows open from the next one on." if on else "No window of it opens any more.")
    return redirect("maintenance_policy", pk)


@require_POST
def policy_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete it, and lead to the list; a refusal is said where it was asked."""
    row = get_object_or_404(MaintenancePolicy, pk=pk)
    by_htmx = "HX-Request" in request.headers
    try:
        maintenance_policies.delete(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        if by_htmx:
            return render(request, "_messages.html", status=403 if isinstance(exc, orders.Forbidden) else 409)
        return redirect("maintenance_policy", pk)
    messages.success(request, f"The policy {row.name} is deleted.")
    if by_htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("maintenance_policies")})
    return redirect("maintenance_policies")


def _edit(request: HttpRequest, row: MaintenancePolicy | None) -> HttpResponse:
    first = begun(row, zone=_usual_zone(), today=timezone.now())
    if row is None and (wanted := request.GET.get("cluster", "")).isdigit():
        first["cluster"] = wanted
    form = PolicyForm(request.POST or None, terms=terms_of(row), initial=first)
    more = "more" in request.POST  # only one row more for a step
    if request.method == "POST" and not more and form.is_valid() and (saved := _save(request, row, form)):
        return saved
    context = {"policy": row, "form": form, "tab": "policies", "zones": windows.zones(), **_choosable(form)}
    foreseen = _previewed(form) if form.is_bound else _previewed(PolicyForm(_as_typed(first)))
    return render(
        request, "maintenance_policies/edit.html", context | foreseen, status=422 if form.is_bound and not more else 200
    )


def _save(request: HttpRequest, row: MaintenancePolicy | None, form: PolicyForm) -> HttpResponseRedirect | None:
    version = form.cleaned_data["version"] if row else None
    try:
        made = maintenance_policies.save_policy(request.user, row, form.draft(), version=version)
    except orders.Refused as exc:
        form.blame(exc.field, str(exc))
        return None
    messages.success(request, "Saved. A plan that runs keeps the terms it began with.")
    return redirect("maintenance_policy", made.pk)


def _previewed(form: PolicyForm) -> dict[str, Any]:
    """The next windows of what was typed in the window's fields, whatever is wrong with the others."""
    form.is_valid()
    if fault := form.window_fault():
        return {"fault": fault}
    given = form.cleaned_data
    row = MaintenancePolicy(
        rule=given["rule"],
        starts_at_local=form.starts_at(),
        zone=given["zone"].strip(),
        duration_minutes=given["duration_minutes"],
        blackouts=list(given["blackouts"]),
    )
    return _foreseen(row, checked=True)


def _foreseen(row: MaintenancePolicy, *, checked: bool = False) -> dict[str, Any]:
    """Next windows and the rule in words, or the fault. ``checked``: what a form would refuse is one too."""
    try:
        rule = maintenance_policies.rule_of(row)
        if checked:
            windows.check(rule, timezone.now())
        found = windows.occurrences(rule, timezone.now(), COUNT)
        return {"windows": found, "said": in_words(row.rule), "rule": row.rule, "zone": row.zone}
    except windows.RuleRefused as exc:
        return {"fault": str(exc)}


def _as_typed(first: dict[str, Any]) -> dict[str, Any]:
    """The first values of the form as if they had been posted."""
    return {name: value for name, value in first.items() if value not in (None, "")}


def _choosable(form: PolicyForm) -> dict[str, Any]:
    """Hosts and tags of the chosen cluster, and which hosts are chosen."""
    wanted = str(form["cluster"].value() or "")
    pk = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else None
    cluster = Cluster.objects.filter(pk=pk).first() if pk else None
    hosts = list(Host.objects.filter(cluster=cluster).order_by("name")) if cluster else []
    return {
        "in_cluster": cluster,
        "hosts": hosts,
        "tags": sorted({tag for host in hosts for tag in host.tags}),
        "chosen": {str(each) for each in (form["hosts"].value() or ())},
        "which": str(form["which"].value() or ""),
    }


def _usual_zone() -> str:
    """The zone that the newest policy has; a new one is likely to have it too."""
    return MaintenancePolicy.objects.order_by("-pk").values_list("zone", flat=True).first() or "UTC"


def _administer(request: HttpRequest) -> None:
    if not can(request.user, Verb.ADMINISTER):
        raise PermissionDenied("Only an administrator may change maintenance policies.")


def _rows() -> QuerySet[MaintenancePolicy]:
    return (
        MaintenancePolicy.objects.select_related("cluster__datacenter")
        .prefetch_related("hosts")
        .annotate(run_count=Count("runs", distinct=True), last_run=Max("runs__starts_at"))
    )
