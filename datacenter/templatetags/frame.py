"""What the frame around every page asks for: who may what, what runs now, how many of each state."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import template
from django.db.models import Count, Max, Model, Q
from django.db.models.functions import Now
from django.urls import reverse

from datacenter.access import Verb, can, seen
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, State, VMState

register = template.Library()

#: a host without a collector for this long is said to be unheard; a change of collectors takes less
UNHEARD_AFTER = timedelta(seconds=20)

MAINTENANCE = (
    "maintenance", "plan", "plan_new", "maintenance_calendar", "maintenance_policies", "maintenance_policy",
    "maintenance_policy_new", "maintenance_policy_edit",
)  # fmt: skip
ADMINISTRATION = (
    "administration", "system_permissions", "roles", "role", "role_new", "role_edit", "groups", "group_new",
    "group_edit", "users", "user", "user_add", "tokens",
)  # fmt: skip
#: what a page may be about, by its name in the template; the first that is there
_SUBJECTS = ("vm", "host", "cluster", "datacenter", "migration", "doubt", "plan", "policy", "alert")
#: what the navigation shows: address name, word, icon, and the address names that light it up
SECTIONS = (
    ("overview", "Overview", "overview", ("overview",)),
    ("datacenters", "Data centers", "datacenter", ("datacenters",)),
    ("clusters", "Clusters", "cluster", ("clusters", "cluster")),
    ("hosts", "Hosts", "host", ("hosts", "host", "host_add")),
    ("vms", "VMs", "vm", ("vms", "vm", "vm_migrate", "vm_power")),
    ("migrations", "Migrations", "migrate", ("migrations", "migration", "migration_adjust")),
    ("maintenance", "Maintenance", "tool", MAINTENANCE),
    (
        "alerts",
        "Alerts",
        "bell",
        (
            "alerts",
            "alert",
            "runbooks",
            "runbook",
            "alert_limits",
            "notification_rules",
            "notification_rule",
            "notification_rule_new",
            "deliveries",
        ),
    ),
    ("events", "Events", "events", ("events", "event")),
    ("policies", "Policies", "tag", ("policies", "policy", "policy_new", "policy_edit")),
    ("displays", "Walls", "wall", ("displays", "display", "display_new", "display_edit")),
    ("administration", "Administration", "shield", ADMINISTRATION),
)
#: of these the verb without which they are not offered; of others each shows what one may see
_OFFERED_FOR = {"displays": Verb.DISPLAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows are in one state, and the list that shows them."""

    state: State
    count: int
    url: str


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any]) -> str:
    """The verbs this person may do to what the page is about, or to anything where it is about nothing of its own.

    For <body data-may>; the orders themselves refuse what is not among them.
    """
    user, target = context.get("user"), about(context)
    return " ".join(verb.value for verb in Verb if user is not None and can(user, verb, target))


def about(context: dict[str, Any]) -> Model | None:
    """The object a page is about."""
    found = (context.get(name) for name in _SUBJECTS)
    return next((each for each in found if isinstance(each, Model) and each.pk), None)


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The navigation's entries with whether this page belongs to them."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match else ""
    user = context.get("user")
    return [
        {"url": reverse(name), "label": label, "icon": icon, "here": here in names}
        for name, label, icon, names in SECTIONS
        if name not in _OFFERED_FOR or (user is not None and can(user, _OFFERED_FOR[name]))
    ]


@register.simple_tag
def open_migrations() -> int:
    """How many migrations are under way. One query."""
    return seen(Migration.objects.filter(state__in=OPEN_MIGRATION)).count()


@register.simple_tag
def tallies(noun: str) -> list[Tally]:
    """Counts by state of "hosts", "vms" or "migrations", in the order of states.py, zeros left out. One query."""
    model, states = _COUNTED[noun]
    rows = seen(model._default_manager.order_by()).values("state").annotate(count=Count("pk"))
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
    return seen(Host.objects.filter(silent)).exclude(fresh).aggregate(count=Count("pk"), since=Max("answered_at"))


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
