"""The list of migrations, running and past, newest first."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from datacenter import rows
from datacenter.screens import facets
from datacenter.screens.listing import Column, Listing, show
from hosts.states import MigrationState

LISTING = Listing(
    key="migrations",
    noun="migration",
    row_template="migrations/_row.html",
    search=("vm__name", "source__name", "destination__name", "requested_by"),
    sort="-requested",
    then="-requested_at",
    states=MigrationState,
    facets=(facets.SOURCE, facets.DESTINATION),
    topic="migrations",
    empty="Nothing has migrated yet. A VM’s page has Migrate among its actions.",
    columns=(
        Column(key="state", label="State", sort="state", optional=False),
        Column(key="vm", label="VM", sort="vm__name", optional=False),
        Column(key="from", label="From", sort="source__name", optional=False, width="c-wide"),
        Column(key="to", label="To", sort="destination__name", optional=False),
        Column(key="progress", label="Remaining", optional=False, end=True),
        Column(key="took", label="Took", optional=False, end=True, width="c-wide"),
        Column(key="pause", label="Pause", sort="pause_ms", optional=False, end=True, width="c-wide"),
        Column(key="by", label="By", sort="requested_by", optional=False, width="c-wide c-medium"),
        Column(key="requested", label="Asked for", sort="requested_at", optional=False, end=True, width="c-wide"),
    ),
)


@require_safe
def migrations(request: HttpRequest) -> HttpResponse:
    """Every migration, or those that a filter leaves."""
    return show(request, LISTING, rows.migrations(), "migrations/list.html", {})
