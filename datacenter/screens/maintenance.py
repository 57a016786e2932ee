"""The list of maintenance plans, and making one: hosts of one cluster, terms, a reason."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from datacenter import orders, rows
from datacenter.access import Verb, can
from datacenter.maintenance import plans
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.terms_form import TermsForm
from hosts.models import Cluster, Host
from hosts.states import PlanState

LISTING = Listing(
    key="plans",
    noun="plan",
    row_template="plans/_row.html",
    search=("title", "reason", "made_by", "hosts__host__name"),
    sort="-made",
    then="-made_at",
    states=PlanState,
    topic="plans",
    empty="No plan was made yet. “New plan” makes one, and so does Maintenance in the list of hosts.",
    columns=(
        Column(key="state", label="State", sort="state", optional=False),
        Column(key="title", label="Plan", sort="title", optional=False),
        Column(key="hosts", label="Hosts", width="c-wide"),
        Column(key="vms", label="VMs", sort="vm_count", end=True, hint="Gone, of those that are to go"),
        Column(key="blocked", label="Blocked", sort="red_count", end=True, width="c-wide"),
        Column(key="expected", label="Forecast", sort="expected_s", end=True, width="c-wide"),
        Column(key="starts", label="Starts", sort="starts_at", width="c-wide"),
        Column(key="by", label="By", sort="made_by", width="c-wide c-medium"),
        Column(key="made", label="Made", sort="made_at", end=True, width="c-wide"),
    ),
)


@require_safe
def maintenance(request: HttpRequest) -> HttpResponse:
    """Every plan, newest first, or those that a filter leaves."""
    return show(request, LISTING, rows.plans(), "maintenance/list.html", {"tab": "plans"})


class PlanForm(TermsForm):
    """A plan's own fields before its terms."""

    title = forms.CharField(max_length=120, required=False)
    reason = forms.CharField(max_length=500, required=False)
    hosts = forms.ModelMultipleChoiceField(
        queryset=Host.objects.select_related("cluster__datacenter").order_by("name"),
        error_messages={"required": "Choose at least one host."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def plan_new(request: HttpRequest) -> HttpResponse:
    """The form for one cluster's hosts (``?cluster=``); POST makes the draft and leads to its page."""
    if not can(request.user, Verb.OPERATE):
        raise PermissionDenied("Only an operator may plan maintenance.")
    cluster = _cluster(request)
    form = PlanForm(request.POST or None, initial={"hosts": request.GET.getlist("host")})
    if request.method == "POST" and form.is_valid():
        try:
            plan = _make(request, form)
        except orders.Refused as exc:
            form.blame(exc.field, str(exc))
        else:
            return redirect("plan", plan.pk)
    clusters = Cluster.objects.select_related("datacenter").order_by("datacenter__name", "name")
    hosts = rows.hosts().filter(cluster=cluster).order_by("name") if cluster else []
    context: dict[str, Any] = {"form": form, "cluster": cluster, "clusters": clusters, "hosts": hosts, "tab": "plans"}
    context["chosen"] = {str(each) for each in (form["hosts"].value() or ())}
    return render(request, "maintenance/new.html", context, status=422 if form.is_bound else 200)


def _cluster(request: HttpRequest) -> Cluster | None:
    """The one that was asked for; where none was, the first."""
    wanted = request.GET.get("cluster", "")
    if wanted.isascii() and wanted.isdigit():
        return get_object_or_404(Cluster, pk=int(wanted[:9]))
    return Cluster.objects.order_by("datacenter__name", "name").first()


def _make(request: HttpRequest, form: PlanForm) -> Any:
    given = form.cleaned_data
    hosts = list(given["hosts"])
    title = given["title"].strip() or f"Maintenance of {', '.join(host.name for host in hosts)}"[:120]
    plan = plans.make_plan(request.user, hosts, title=title, reason=given["reason"], terms=form.terms())
    messages.success(request, "The plan is a draft: look at it, change it, then approve it. No host was touched.")
    return plan
