"""Saving a list's view under a name, and taking it away. The view itself is the list's own address."""

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from datacenter import orders
from datacenter.models import SavedView
from datacenter.orders.views import remove_view, save_view


@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep ``query`` of ``listing`` under ``name``, and lead back to the list as it was."""
    given = {key: request.POST.get(key, "")[:2100] for key in ("name", "listing", "query")}
    given["query"] = given["query"].removeprefix("?")
    if any("\x00" in value for value in given.values()) or len(given["listing"]) > 40:
        raise Http404("There is no such list.")
    try:
        save_view(request.user, **given, shared=request.POST.get("shared") == "on")
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Saved: it stands among the list’s views.")
    return _back(request, given["query"])


@require_POST
def view_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a view away, and lead back."""
    view = get_object_or_404(SavedView.objects.filter(Q(owner=request.user.pk) | Q(shared=True)), pk=pk)
    try:
        remove_view(request.user, view)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    return _back(request, "")


def _back(request: HttpRequest, query: str) -> HttpResponse:
    """To the list the form stood on: a path of ours, and nowhere else."""
    path = request.POST.get("path", "")
    own = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return redirect((path.partition("?")[0] if own else "/") + (f"?{query}" if query else ""))
