"""What the palette can do and where it can go, as data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from datacenter.access import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A page or an action: ``address`` is its URL's name; ``words``: what else people call it; ``verb``: who may."""

    label: str
    icon: str
    address: str = ""
    theme: str = ""
    words: str = ""
    detail: str = ""
    verb: Verb | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """An action that is typed before what it is done to."""

    word: str
    label: str
    icon: str
    noun: str
    verb: Verb
    url: Callable[[Any], str]


PAGES = (
    Named(label="Overview", icon="overview", address="overview", words="dashboard start home"),
    Named(label="VMs", icon="vm", address="vms", words="virtual machines guests"),
    Named(label="Hosts", icon="host", address="hosts", words="hypervisors servers"),
    Named(label="Clusters", icon="cluster", address="clusters"),
    Named(label="Data centers", icon="datacenter", address="datacenters"),
    Named(label="Migrations", icon="migrate", address="migrations"),
    Named(label="Forecast and fact", icon="gauge", address="accuracy", words="accuracy migrations"),
    Named(label="Maintenance plans", icon="tool", address="maintenance", words="drain"),
    Named(label="Maintenance policies", icon="tool", address="maintenance_policies", words="windows schedule"),
    Named(label="Maintenance calendar", icon="clock", address="maintenance_calendar", words="windows"),
    Named(label="Migration policies", icon="tag", address="policies", words="convergence"),
    Named(label="Alerts", icon="alert", address="alerts", words="warnings"),
    Named(label="Runbooks", icon="alert", address="runbooks", words="help"),
    Named(label="Events", icon="clock", address="events", words="audit log history"),
    Named(label="Jobs", icon="arrow", address="jobs", words="tasks running"),
    Named(label="Many at once", icon="check", address="bulk_orders", words="bulk orders"),
    Named(label="Walls", icon="overview", address="displays", words="displays screens", verb=Verb.DISPLAY),
    Named(label="Administration", icon="user", address="administration", words="settings", verb=Verb.ADMINISTER),
    Named(label="Users", icon="user", address="users", words="people accounts", verb=Verb.ADMINISTER),
    Named(label="Roles", icon="user", address="roles", words="permissions rights", verb=Verb.GRANT),
    Named(label="Account", icon="user", address="account", words="password sessions passkeys zone"),
)

ACTIONS = (
    Named(label="Add host", icon="plus", address="host_add", words="new", verb=Verb.EDIT_HOST),
    Named(label="New maintenance plan", icon="plus", address="plan_new", words="drain empty host", verb=Verb.MAINTAIN),
    Named(
        label="New maintenance policy",
        icon="plus",
        address="maintenance_policy_new",
        words="window",
        verb=Verb.EDIT_POLICY,
    ),
    Named(label="New migration policy", icon="plus", address="policy_new", verb=Verb.EDIT_POLICY),
    Named(label="Light theme", icon="sun", theme="light", words="bright"),
    Named(label="Dark theme", icon="moon", theme="dark", words="night"),
    Named(label="Theme of the system", icon="vm", theme="system"),
)


def _of(address: str, key: str = "pk") -> Callable[[Any], str]:
    return lambda row: reverse(address, args=[getattr(row, key)])


VERBS = (
    Deed(word="migrate", label="Migrate", icon="migrate", noun="vm", verb=Verb.MIGRATE, url=_of("vm_migrate", "uuid")),
    Deed(word="move", label="Migrate", icon="migrate", noun="vm", verb=Verb.MIGRATE, url=_of("vm_migrate", "uuid")),
    Deed(
        word="maintenance",
        label="Maintenance of",
        icon="tool",
        noun="host",
        verb=Verb.MAINTAIN,
        url=lambda host: f"{reverse('hosts_maintenance')}?host={host.pk}",
    ),
    Deed(
        word="drain",
        label="Migrate all VMs of",
        icon="migrate",
        noun="host",
        verb=Verb.MIGRATE,
        url=_of("host_migrate_all"),
    ),
)
