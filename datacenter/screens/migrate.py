"""The migrate dialog: where a VM may go, and the order to go there."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.screens.plan import Plan, plan
from datacenter.screens.vms import find
from hosts.livemigration.terms import policy_of
from hosts.models import VM, Host, MigrationPolicy

MIB = 2**20
BEST = "best"
FIRST: dict[str, Any] = {"destination": BEST}
AS_SAID = (("", "As the policy says"), ("yes", "Yes"), ("no", "No"))


class MigrateForm(forms.Form):
    """What the dialog asks: where to; and, folded, how."""

    destination = forms.CharField(max_length=20)
    bandwidth_mib = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    max_downtime_ms = forms.IntegerField(min_value=1, max_value=2_000_000, required=False)
    policy = forms.ModelChoiceField(queryset=MigrationPolicy.objects.all(), required=False)
    postcopy_allowed = forms.ChoiceField(choices=AS_SAID, required=False)
    auto_converge = forms.ChoiceField(choices=AS_SAID, required=False)
    parallel = forms.IntegerField(min_value=0, max_value=255, required=False)
    xbzrle = forms.BooleanField(required=False)
    tls = forms.BooleanField(required=False)
    copy_disks = forms.BooleanField(required=False)

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
        bandwidth = given.get("bandwidth_mib")
        return {
            "bandwidth": bandwidth * MIB if bandwidth else None,
            "max_downtime_ms": given.get("max_downtime_ms"),
            "policy": given.get("policy"),
            "postcopy_allowed": _said(given.get("postcopy_allowed")),
            "auto_converge": _said(given.get("auto_converge")),
            "parallel": given.get("parallel"),  # None, and what is not ticked, is left to the policy
            "xbzrle": given.get("xbzrle") or None,
            "tls": given.get("tls") or None,
            "copy_disks": bool(given.get("copy_disks")),
        }


def _said(word: str | None) -> bool | None:
    """None: nothing was said, so that the policy's word holds."""
    return word == "yes" if word else None


@require_http_methods(["GET", "HEAD", "POST"])
def vm_migrate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The dialog; POST orders the migration and leads to its page. A refusal keeps what was typed."""
    vm = find(uuid)
    if request.method != "POST":
        return _dialog(request, vm, MigrateForm(initial=FIRST))
    form = MigrateForm(request.POST)
    if not form.is_valid():
        return _dialog(request, vm, form, status=422)
    try:
        migration = orders.migrate(request.user, vm, form.cleaned_data["destination"], **form.options())
    except orders.Refused as exc:
        form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        return _dialog(request, vm, form, status=403 if isinstance(exc, orders.Forbidden) else 422)
    return _lead_to(request, reverse("migration", args=[migration.pk]))


@require_safe
def vm_plan(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The dialog's right side anew, for another destination, other options, or a newer measurement."""
    vm = find(uuid)
    form = MigrateForm(request.GET)
    form.is_valid()  # what makes no sense is left out here, and said when it is ordered
    return render(request, "vms/_plan.html", {"vm": vm, "plan": _plan(vm, form)})


@require_POST
def vm_measure(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Order a measurement of its dirty rate; what comes of it repaints the dialog."""
    vm = find(uuid)
    status = 200
    try:
        orders.measure(request.user, vm)
    except orders.Refused as exc:
        status = 403 if isinstance(exc, orders.Forbidden) else 409
        messages.error(request, str(exc))
    if "HX-Request" in request.headers:
        return HttpResponse(status=204) if status == 200 else render(request, "_messages.html", status=status)
    return HttpResponseRedirect(reverse("vm_migrate", args=[vm.uuid]))


def _plan(vm: VM, form: MigrateForm) -> Plan:
    if not form.is_bound:
        return plan(vm, None, {})
    return plan(vm, form.cleaned_data.get("destination"), form.options())


def _dialog(request: HttpRequest, vm: VM, form: MigrateForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"vm": vm, "form": form, "plan": _plan(vm, form), "standing": policy_of(vm)}
    template = "vms/_migrate.html" if "HX-Request" in request.headers else "vms/migrate.html"
    return render(request, template, context, status=status)


def _lead_to(request: HttpRequest, url: str) -> HttpResponse:
    messages.info(request, "The migration was ordered.")
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)
