"""What the frame around every page asks for: who may what, what runs now, how many of each state."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.db.models import Count, Max, Model, Q
from django.db.models.functions import Now
from django.urls import reverse

from datacenter.access import Verb, can
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, State, VMState

register = template.Library()

#: a host without a collector for this long is said to be unheard; a change of collectors takes less
UNHEARD_AFTER = timedelta(seconds=20)

MAINTENANCE = (
    "maintenance", "plan", "plan_new", "maintenance_calendar", "maintenance_policies", "maintenance_policy",
    "maintenance_policy_new", "maintenance_policy_edit",
)  # fmt: skip
#: what the navigation shows: address name, word, icon, and the address names that light it up
SECTIONS = (
    ("overview", "Overview", "overview", ("overview",)),
    ("datacenters", "Data centers", "datacenter", ("datacenters",)),
    ("clusters", "Clusters", "cluster", ("clusters", "cluster")),
    ("hosts", "Hosts", "host", ("hosts", "host", "host_add")),
    ("vms", "VMs", "vm", ("vms", "vm", "vm_migrate", "vm_power")),
    ("migrations", "Migrations", "migrate", ("migrations", "migration", "migration_adjust")),
    ("maintenance", "Maintenance", "tool", MAINTENANCE),
    ("policies", "Policies", "tag", ("policies", "policy", "policy_new", "policy_edit")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows are in one state, and the list that shows them."""

    state: State
    count: int
    url: str


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any]) -> str:
    """The verbs this person may do, for <body data-may>; the orders themselves refuse what is not among them."""
    user = context.get("user")
    return " ".join(verb.value for verb in Verb if user is not None and can(user, verb))


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The navigation's entries with whether this page belongs to them."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match else ""
    return [
        {"url": reverse(name), "label": label, "icon": icon, "here": here in names}
        for name, label, icon, names in SECTIONS
    ]


@register.simple_tag
def open_migrations() -> int:
    """How many migrations are under way. One query."""
    return Migration.objects.filter(state__in=OPEN_MIGRATION).count()


@register.simple_tag
def tallies(noun: str) -> list[Tally]:
    """Counts by state of "hosts", "vms" or "migrations", in the order of states.py, zeros left out. One query."""
    model, states = _COUNTED[noun]
    rows = model._default_manager.order_by().values("state").annotate(count=Count("pk"))
    counts = {row["state"]: row["count"] for row in rows}
    url = reverse(noun)
    return [
        Tally(state=state, count=counts[state.value], url=f"{url}?state={state.value}")
        for state in states
        if counts.get(state.value)
    ]


@register.simple_tag
def unheard() -> dict[str, Any]:
    """``count`` of the hosts that no collector listens to, and ``since`` when. One query."""
    silent = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    fresh = Q(added_at__gt=Now() - UNHEARD_AFTER) | Q(answered_at__gt=Now() - UNHEARD_AFTER)
    return Host.objects.filter(silent).exclude(fresh).aggregate(count=Count("pk"), since=Max("answered_at"))


_COUNTED: dict[str, tuple[type[Model], type[State]]] = {
    "hosts": (Host, HostState),
    "vms": (VM, VMState),
    "migrations": (Migration, MigrationState),
}


@register.filter
def total(states: list[Tally]) -> int:
    """All of a kind, whatever their state."""
    return sum(each.count for each in states)


@register.filter
def pairs(text: str) -> list[list[str]]:
    """ "hosts:Hosts vms:VMs" -> [["hosts", "Hosts"], ["vms", "VMs"]]."""
    return [each.split(":", 1) for each in text.split()]


@register.filter
def at(counts: dict[str, int], key: str) -> int:
    """counts[key]."""
    return counts[key]


@register.filter
def words(text: str | None) -> list[str]:
    """ "host cluster" -> ["host", "cluster"]."""
    return (text or "").split()
