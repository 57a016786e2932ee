"""A host's Checks tab: what of it endangers migrations, and what an administrator states of it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from datacenter.orders import Forbidden, Refused
from datacenter.orders.hosts import Stated, state_host, state_off
from datacenter.templatetags.foretold import in_order
from hosts.livemigration.preflight.host_page import host_findings
from hosts.livemigration.preflight.inventory import place_of
from hosts.models import Host
from hosts.models.host import LOCKS

_KNOWN = (("", "Not known"), ("yes", "Yes"), ("no", "No"))
_SAID = {"": None, "yes": True, "no": False}


class StatedForm(forms.Form):
    """What libvirt cannot be asked for."""

    migration_address = forms.CharField(max_length=253, required=False, label="Address on the migration network")
    locks = forms.ChoiceField(choices=LOCKS, required=False, label="Disks are locked by")
    keepalive_tuned = forms.ChoiceField(choices=_KNOWN, required=False, label="Keepalive set to 1 s, 3 times")
    migration_tls = forms.ChoiceField(choices=_KNOWN, required=False, label="QEMU has certificates for TLS")

    def stated(self) -> Stated:
        given = self.cleaned_data
        return {
            "migration_address": given["migration_address"].strip(),
            "locks": given["locks"],
            "keepalive_tuned": _SAID[given["keepalive_tuned"]],
            "migration_tls": _SAID[given["migration_tls"]],
        }


def read(row: Host) -> dict[str, Any]:
    """The tab's context. One query beside the host."""
    others = Host.objects.filter(cluster=row.cluster_id).exclude(pk=row.pk).select_related("cluster__datacenter")
    findings = host_findings(
        place_of(row), [place_of(each) for each in others], answered_at=row.answered_at, now=timezone.now()
    )
    return {"found": in_order(each.as_dict() for each in findings), "form": StatedForm(initial=_initial(row))}


def _initial(row: Host) -> dict[str, str]:
    words = {said: word for word, said in _SAID.items()}
    return {
        "migration_address": row.migration_address,
        "locks": row.locks,
        "keepalive_tuned": words[row.keepalive_tuned],
        "migration_tls": words[row.migration_tls],
    }


@require_POST
def host_off(request: HttpRequest, pk: int) -> HttpResponse:
    """A person's word that this silent host is switched off."""
    host = get_object_or_404(Host, pk=pk)
    try:
        if not request.POST.get("looked"):
            raise Refused("Look first, and say that you have: a VM could come to run twice.")
        state_off(request.user, host)
    except (Forbidden, Refused) as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"Kept: {host} is switched off. Its VMs are down until it answers.")
    return redirect(f"/hosts/{host.pk}?tab=checks")


@require_POST
def host_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was stated, and lead back to the tab; what is refused is said there."""
    host = get_object_or_404(Host, pk=pk)
    form = StatedForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused(" ".join(f"{form.fields[name].label}: {said[0]}" for name, said in form.errors.items()))
        state_host(request.user, host, form.stated())
    except Forbidden as exc:
        messages.error(request, str(exc))
    except Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Kept. Every check goes by it from now on.")
    return redirect(f"/hosts/{host.pk}?tab=checks")
