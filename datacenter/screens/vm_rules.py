"""The form of a VM's card Rules: what maintenance does with it, and who may move it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from datacenter import orders
from datacenter.screens.vms import find


@require_POST
def vm_rules(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Keep the form's rules, and lead back to the tab."""
    row = find(uuid)
    given = {name: request.POST.get(name, "") for name in ("maintenance_rule", "migration_mode")}
    try:
        orders.set_rules(request.user, row, **given)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Kept. Plans that are computed from now on go by it.")
    return redirect(reverse("vm", args=[uuid]) + "?tab=rules")
