"""Two copies of one VM: what each host says, side by side, and what may be done about it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from datacenter import orders
from datacenter.screens.errors import BadParameter
from hosts.models import Doubt, Host

#: remedy -> its button, and what the person is asked before
WORDS = {
    Doubt.SUSPEND: ("Suspend", "Suspend the copy of {vm} on {host}? It stands still and keeps its memory."),
    Doubt.END: ("End", "End the copy of {vm} on {host}? What only this copy holds in memory is lost."),
    Doubt.RESUME: ("Resume", "Let the copy of {vm} on {host} go on? The other host must have none."),
}


@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One doubt, open or resolved."""
    row = _find(pk)
    return render(request, "doubts/page.html", {"doubt": row, "copies": [_copy(row, each) for each in row.evidence]})


@require_POST
def remedy(request: HttpRequest, pk: int) -> HttpResponse:
    """Order the form's ``verb`` for the copy on the form's ``host``."""
    row = _find(pk)
    given = request.POST.get("host", "")
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise BadParameter("There is no such host.")
    host, status = get_object_or_404(Host, pk=int(given)), 200
    try:
        orders.remedy(request.user, row, request.POST.get("verb", ""), host)
    except orders.Forbidden as exc:
        status = 403
        messages.error(request, str(exc))
    except orders.Refused as exc:
        status = 409
        messages.error(request, str(exc))
    else:
        messages.success(request, "Ordered. The guardian looks at both hosts once more, and does it.")
    if "HX-Request" in request.headers:
        return render(request, "_messages.html", status=status)
    return redirect("doubt", row.pk)


def _find(pk: int) -> Doubt:
    return get_object_or_404(Doubt.objects.select_related("vm", "first", "second", "remedy_host"), pk=pk)


def _copy(doubt: Doubt, told: dict[str, Any]) -> dict[str, Any]:
    """A host's column: what it says, and the buttons that its copy's state allows."""
    verbs = {"running": (Doubt.SUSPEND, Doubt.END), "paused": (Doubt.RESUME, Doubt.END)}.get(told["state"], ())
    if doubt.resolved_at is not None:
        verbs = ()
    buttons = [
        {"verb": verb, "label": WORDS[verb][0], "asks": WORDS[verb][1].format(vm=doubt.vm, host=told["name"])}
        for verb in verbs
    ]
    return told | {"buttons": buttons}
