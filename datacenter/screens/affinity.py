"""Affinity groups of a cluster: which of its VMs belong together on one host, and which each on another."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from datacenter import orders
from datacenter.access import Verb, can
from datacenter.models import AffinityGroup
from hosts.models import VM, Cluster

KINDS = (("together", "Together on one host"), ("apart", "Each on another host"))
STRENGTH = (("wish", "A wish: kept where it can be"), ("rule", "A rule: what breaks it is refused"))


class AffinityForm(forms.Form):
    """A group. VMs of another cluster are not among the choices."""

    name = forms.CharField(max_length=80, error_messages={"required": "A group needs a name."})
    kind = forms.ChoiceField(choices=KINDS)
    strength = forms.ChoiceField(choices=STRENGTH)
    vms = forms.ModelMultipleChoiceField(
        queryset=VM.objects.none(), error_messages={"required": "A group needs two VMs or more."}
    )

    def __init__(self, *args: Any, cluster: Cluster, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vms"].queryset = _vms(cluster)  # type: ignore[attr-defined]  # a ModelChoiceField has one


def groups_of(cluster: Cluster) -> QuerySet[AffinityGroup]:
    """Those with a VM in the cluster, with all their VMs and where these are."""
    return AffinityGroup.objects.filter(vms__host__cluster=cluster).distinct().prefetch_related("vms__host")


@require_http_methods(["GET", "HEAD", "POST"])
def affinity_new(request: HttpRequest, pk: int) -> HttpResponse:
    """A new group."""
    return _edit(request, get_object_or_404(Cluster, pk=pk), None)


@require_http_methods(["GET", "HEAD", "POST"])
def affinity_edit(request: HttpRequest, pk: int, group: int) -> HttpResponse:
    """Another name, kind, or other VMs."""
    cluster = get_object_or_404(Cluster, pk=pk)
    return _edit(request, cluster, get_object_or_404(groups_of(cluster), pk=group))


@require_POST
def affinity_remove(request: HttpRequest, pk: int, group: int) -> HttpResponse:
    """Take it away, and lead back to the cluster."""
    cluster = get_object_or_404(Cluster, pk=pk)
    row = get_object_or_404(groups_of(cluster), pk=group)
    try:
        orders.remove_affinity(request.user, cluster, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"{row.name} is removed; its VMs stay where they are.")
    return redirect(_tab(cluster))


def _edit(request: HttpRequest, cluster: Cluster, row: AffinityGroup | None) -> HttpResponse:
    if not can(request.user, Verb.ADMINISTER, cluster):
        raise PermissionDenied("Only an administrator may change affinity groups.")
    form = AffinityForm(request.POST or None, cluster=cluster, initial=_said(row))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            orders.save_affinity(
                request.user,
                cluster,
                row,
                name=given["name"],
                together=given["kind"] == "together",
                hard=given["strength"] == "rule",
                vms=given["vms"],
            )
        except orders.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        else:
            messages.success(request, "Kept. It counts for what is placed from now on.")
            return redirect(_tab(cluster))
    chosen = {str(each) for each in (form["vms"].value() or ())}
    context = {"form": form, "cluster": cluster, "group": row, "vms": _vms(cluster), "chosen": chosen}
    return render(request, "affinity/edit.html", context, status=422 if form.is_bound else 200)


def _said(row: AffinityGroup | None) -> dict[str, Any]:
    if row is None:
        return {"kind": "apart", "strength": "wish"}
    vms = list(row.vms.values_list("pk", flat=True))
    kind, strength = "together" if row.together else "apart", "rule" if row.hard else "wish"
    return {"name": row.name, "kind": kind, "strength": strength, "vms": vms}


def _vms(cluster: Cluster) -> QuerySet[VM]:
    return VM.objects.filter(host__cluster=cluster).select_related("host").defer("xml").order_by("name", "pk")


def _tab(cluster: Cluster) -> str:
    return reverse("cluster", args=[cluster.pk]) + "?tab=affinity"
