"""The migrate dialog: where a VM may go, and the order to go there."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datacenter import orders, placement
from datacenter.screens.vms import find
from hosts.models import VM, Host

MIB = 2**20
BEST = "best"


class MigrateForm(forms.Form):
    """What the dialog asks: where to; and, folded, how."""

    destination = forms.CharField(max_length=20)
    bandwidth_mib = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    max_downtime_ms = forms.IntegerField(min_value=1, max_value=2_000_000, required=False)
    postcopy_allowed = forms.BooleanField(required=False)
    auto_converge = forms.BooleanField(required=False)

    def clean_destination(self) -> Host | None:
        """The host that was picked; None for the best one."""
        wanted = self.cleaned_data["destination"]
        if wanted == BEST:
            return None
        host = Host.objects.filter(pk=int(wanted)).first() if wanted.isascii() and wanted.isdigit() else None
        if host is None:
            raise forms.ValidationError("This host is no longer in the inventory. Pick another.")
        return host

    def options(self) -> orders.MigrateOptions:
        """What was asked for, in the units of the order."""
        given = self.cleaned_data
        bandwidth = given["bandwidth_mib"]
        return {
            "bandwidth": bandwidth * MIB if bandwidth else None,
            "max_downtime_ms": given["max_downtime_ms"],
            "postcopy_allowed": given["postcopy_allowed"],
            "auto_converge": given["auto_converge"],
        }


@require_http_methods(["GET", "HEAD", "POST"])
def vm_migrate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The dialog; POST orders the migration and leads to its page. A refusal keeps what was typed."""
    vm = find(uuid)
    if request.method != "POST":
        form = MigrateForm(initial={"destination": BEST, "postcopy_allowed": True})
        return _dialog(request, vm, form)
    form = MigrateForm(request.POST)
    if not form.is_valid():
        return _dialog(request, vm, form, status=422)
    try:
        migration = orders.migrate(request.user, vm, form.cleaned_data["destination"], **form.options())
    except orders.Refused as exc:
        form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        return _dialog(request, vm, form, status=403 if isinstance(exc, orders.Forbidden) else 422)
    return _lead_to(request, reverse("migration", args=[migration.pk]))


def _dialog(request: HttpRequest, vm: VM, form: MigrateForm, *, status: int = 200) -> HttpResponse:
    judged = placement.candidates(vm)
    best = judged[0] if judged and judged[0].ok else None
    context: dict[str, Any] = {"vm": vm, "form": form, "candidates": judged, "best": best}
    template = "vms/_migrate.html" if "HX-Request" in request.headers else "vms/migrate.html"
    return render(request, template, context, status=status)


def _lead_to(request: HttpRequest, url: str) -> HttpResponse:
    messages.info(request, "The migration was ordered.")
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
