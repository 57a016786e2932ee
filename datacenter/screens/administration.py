"""The page from which everything is administered: a card for each part, of those that a person may open.

To add a part: a line in CARDS. A card without a verb is everybody's.
"""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from datacenter.access import SYSTEM, System, Verb, can


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """``page``: the address's name. ``verb`` on ``at`` opens it; ``at`` None: anywhere."""

    page: str
    title: str
    icon: str
    words: str
    verb: Verb | None = None
    at: System | None = None


CARDS: tuple[Card, ...] = (
    Card(
        page="users", title="Users", icon="user", words="Who may log in, and how; passwords, second factors, sessions.",
        verb=Verb.ADMINISTER, at=SYSTEM,
    ),
    Card(
        page="groups", title="Groups", icon="users", words="People who have the same roles.",
        verb=Verb.ADMINISTER, at=SYSTEM,
    ),
    Card(page="roles", title="Roles", icon="shield", words="What may be done, as sets of permissions under a name."),
    Card(
        page="system_permissions", title="Permissions on the system", icon="lock",
        words="Who has which role on everything there is.",
    ),
    Card(
        page="tokens", title="API tokens", icon="command", words="Scripts that act in somebody’s name, and until when.",
    ),
    Card(
        page="displays", title="Wall displays", icon="overview", words="Links that only show, for walls.",
        verb=Verb.DISPLAY,
    ),
    Card(
        page="notification_rules", title="Notification rules", icon="bell",
        words="Who is told of what, by mail or by webhook.",
    ),
    Card(
        page="alert_limits", title="Limits of alerts", icon="alert", words="From when on an alert is raised.",
        verb=Verb.EDIT_CLUSTER,
    ),
)  # fmt: skip


@require_safe
def administration(request: HttpRequest) -> HttpResponse:
    """The cards of what this person may open."""
    open_to = [card for card in CARDS if card.verb is None or can(request.user, card.verb, card.at)]
    cards = [(card, url) for card in open_to if (url := _address(card.page))]
    return render(request, "administration/page.html", {"cards": cards})


def _address(page: str) -> str:
    try:
        return reverse(page)
    except NoReverseMatch:  # a part that this version does not have
        return ""
