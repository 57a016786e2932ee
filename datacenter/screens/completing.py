"""What a query may go on with, as JSON for the box of a list."""

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from datacenter import access, search
from datacenter.screens.errors import BadParameter


@require_safe
def complete(request: HttpRequest, noun: str) -> JsonResponse:
    """``offers`` for ``?q=`` at ``?at=`` (characters): text, about, what it replaces. Http404, BadParameter."""
    if noun not in search.VOCABULARIES:
        raise Http404("There is no such list.")
    text, at = request.GET.get("q", ""), request.GET.get("at", "")
    if len(text) > search.LONGEST or "\x00" in text or not (at.isascii() and at.isdigit() and len(at) < 6):
        raise BadParameter("This is no query, or no place in one.")

    def values(field: Any, typed: str) -> list[str]:
        return search.offered(field, typed, visible=lambda rows: access.visible(request.user, rows))

    offers = search.complete(noun, text, int(at), values=values)
    said = [{"text": each.text, "about": each.about, "start": each.start, "end": each.end} for each in offers]
    return JsonResponse({"offers": said})
