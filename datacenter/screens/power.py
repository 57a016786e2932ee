"""Power actions of a VM: which buttons its state allows, and the POST behind them."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from datacenter import orders
from datacenter.screens.errors import BadParameter
from datacenter.screens.vms import find
from hosts.models import VM
from hosts.virt.records import PowerVerb

_ASKED = {
    PowerVerb.START: "{} is being started.",
    PowerVerb.SHUTDOWN: "{} was asked to shut down. The guest decides when.",
    PowerVerb.POWER_OFF: "{} is being powered off.",
    PowerVerb.REBOOT: "{} was asked to reboot. The guest decides when.",
    PowerVerb.PAUSE: "{} is being paused.",
    PowerVerb.RESUME: "{} is being resumed.",
    PowerVerb.SUSPEND: "{} is being suspended to disk.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an order, for the toast."""

    text: str
    level: int
    status: int


@require_POST
def vm_power(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Order ``verb``. htmx gets a line for the toasts; the page itself follows live. Others are led back to the VM."""
    row = find(uuid)
    given = request.POST.get("verb", "")
    if given not in {verb.value for verb in PowerVerb}:
        raise BadParameter(f"There is no power action “{given[:40]}”.")
    answer = _order(request, row, PowerVerb(given))
    messages.add_message(request, answer.level, answer.text)
    if "HX-Request" in request.headers:
        return render(request, "_messages.html", status=answer.status)
    return redirect("vm", row.uuid)


def _order(request: HttpRequest, row: VM, verb: PowerVerb) -> Answer:
    try:
        orders.power(request.user, row, verb)
    except orders.Forbidden as exc:
        return Answer(text=str(exc), level=messages.ERROR, status=403)
    except orders.Refused as exc:
        return Answer(text=str(exc), level=messages.ERROR, status=409)
    return Answer(text=_ASKED[verb].format(row.name), level=messages.SUCCESS, status=200)
