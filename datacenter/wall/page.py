"""The one page that a link opens. It holds nothing but an empty stage: what it shows comes by the socket."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter.live.version import version
from datacenter.models import Display
from datacenter.wall import screens
from datacenter.wall.links import display_of, ended


@login_not_required
@require_safe
def wall(request: HttpRequest, link: str) -> HttpResponse:
    """200 with the stage; 404 and 410 say calmly why there is none. One query. Never renders with the request."""
    display = display_of(link)
    if display is None:
        return _end(screens.NO_SUCH, status=404)
    if why := ended(display, timezone.now()):
        return _end(why, status=410)
    return HttpResponse(stage(display, link=link))


def stage(display: Display, *, link: str, preview: bool = False) -> str:
    """The page of a display; ``link`` is what its socket says hello with."""
    context = {"display": display, "link": link, "preview": preview, "version": version()}
    return render_to_string("wall/page.html", context)


def _end(why: str, *, status: int) -> HttpResponse:
    return HttpResponse(render_to_string("wall/ended.html", {"why": why}), status=status)
