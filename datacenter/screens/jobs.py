"""What runs now and what ended within the hour: a page, and the drawer that every page opens from the top bar."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from datacenter import jobs as running
from datacenter.screens.errors import BadParameter

_PARTS = {"": "jobs/page.html", "drawer": "jobs/_drawer.html", "list": "jobs/_list.html"}


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """The page; ``?part=drawer`` and ``?part=list`` are what htmx reads."""
    part = request.GET.get("part", "")
    if part not in _PARTS:
        raise BadParameter(f"Jobs have no part “{part[:40]}”.")
    context = {"under_way": running.under_way(request.user), "ended": running.ended(request.user)}
    response = render(request, _PARTS[part], context)
    patch_vary_headers(response, ["HX-Request"])
    return response
