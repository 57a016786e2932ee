"""Moving all VMs of a host at once: first what would go where, then one button."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from datacenter import orders, placement
from hosts.models import VM, Host
from hosts.states import OPEN_MIGRATION, VMState


@require_http_methods(["GET", "HEAD", "POST"])
def host_migrate_all(request: HttpRequest, pk: int) -> HttpResponse:
    """A table VM -> host or the reason why not; POST orders them, placed anew by then, and leads to the migrations."""
    host = get_object_or_404(Host.objects.select_related("cluster__datacenter"), pk=pk)
    vms = _movable(host)
    if request.method != "POST":
        placed = placement.place_together(vms)
        context = {"host": host, "placed": placed.items(), "movable": sum(each.ok for each in placed.values())}
        return render(request, "hosts/migrate_all.html", context)
    try:
        moved = orders.migrate_many(request.user, vms)
    except orders.Forbidden as exc:
        messages.error(request, str(exc))
        return redirect("host", pk)
    ordered = sum(each.migration is not None for each in moved)
    messages.info(request, f"{ordered} of {len(moved)} migrations were ordered.")
    for each in [each for each in moved if each.reason][:3]:
        messages.warning(request, f"{each.vm}: {each.reason}")
    return redirect("migrations")


def _movable(host: Host) -> QuerySet[VM]:
    """Its running VMs that no migration holds, as placement wants them."""
    running = VM.objects.filter(host=host, state=VMState.UP).select_related("host__cluster__datacenter")
    return running.exclude(migrations__state__in=OPEN_MIGRATION)
