"""How many migrations of a cluster run at once: the form on its page."""

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from datacenter import orders
from datacenter.orders.clusters import GREATEST_LIMIT, Limits
from hosts.models import Cluster


class LimitsForm(forms.Form):
    """Whole numbers from 1 on."""

    most_out = forms.IntegerField(min_value=1, max_value=GREATEST_LIMIT, label="Sent by one host")
    most_in = forms.IntegerField(min_value=1, max_value=GREATEST_LIMIT, label="Received by one host")
    most_at_once = forms.IntegerField(min_value=1, max_value=GREATEST_LIMIT, label="In the whole cluster")
    most_on_network = forms.IntegerField(min_value=1, max_value=GREATEST_LIMIT, label="On the migration network")
    migration_network = forms.CharField(max_length=80, required=False, label="Name of the migration network")
    migration_subnet = forms.CharField(max_length=43, required=False, label="Subnet of the migration network")


@require_POST
def cluster_limits(request: HttpRequest, pk: int) -> HttpResponse:
    """Set them, and lead back to the cluster; what is refused is said there."""
    cluster = get_object_or_404(Cluster, pk=pk)
    form = LimitsForm(request.POST)
    if not form.is_valid():
        for field, errors in form.errors.items():
            messages.error(request, f"{form.fields[field].label}: {errors[0]}")
        return redirect("cluster", pk)
    try:
        given = {name: value for name, value in form.cleaned_data.items() if name in request.POST}
        orders.set_limits(request.user, cluster, **cast(Limits, given))
    except orders.Refused as exc:
        messages.error(request, str(exc))
        return redirect("cluster", pk)
    messages.success(request, "Set. What runs already goes on; the queue goes by it at once.")
    return redirect("cluster", pk)
