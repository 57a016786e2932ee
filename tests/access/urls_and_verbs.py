"""Every address of the site, and the verb that it asks for: the matrix test goes through it for every role.

A new address: add its name here, to ``PUBLIC`` (a stranger may open it), ``OWN`` (about the person himself), ``LISTS``
(whoever is signed in; it shows what he may see) or ``NEEDS``. ``of`` names the sample object of ``tree.py`` whose key
goes into the address, ``at`` the object that the role has to reach; other keys of it come from ``tree.py`` too.
Addresses under /api/ ask for a token: no session opens them (tests/api has their own matrix).
"""

from dataclasses import dataclass, field

from datacenter.access import Verb

PUBLIC = frozenset({
    "healthz", "login", "account_login", "account_inactive", "socialaccount_signup", "socialaccount_connections",
    "socialaccount_login_cancelled", "mfa_authenticate", "mfa_login_webauthn", "openid_connect_login",
    "openid_connect_callback", "wall", "metrics", "openapi",
})  # fmt: skip

#: one's own account, whatever role one has
OWN = frozenset({
    "logout", "account_logout", "account", "account_password", "account_sessions_end", "account_session_end",
    "account_factor_first", "account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_index",
    "mfa_list_webauthn", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_add_webauthn", "mfa_remove_webauthn",
    "account_tokens", "token_revoke", "api_reference", "account_zone", "account_theme", "account_language", "view_save",
    "view_remove",
    # many VMs at once: each VM is asked about (tests/orders/test_bulk.py), and one sees one's own orders
    "vms_bulk", "bulk_orders", "bulk_order", "bulk_cancel",
})  # fmt: skip

#: whoever is signed in: they show what he may see, which may be nothing
LISTS = frozenset({
    "overview", "tree", "palette", "complete", "datacenters", "clusters", "hosts", "vms", "migrations", "accuracy",
    "policies", "maintenance", "maintenance_policies", "maintenance_calendar", "alerts", "runbooks", "runbook",
    "events", "notification_rules", "notification_rule_new", "notification_rule",
    "notification_rule_remove",
    "notification_rule_test", "deliveries", "administration", "roles", "role", "jobs", "token_new",
    "alert_limits", "event", "event_object",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """``verb`` on the sample ``at``; "": anywhere, "system": on the system. ``of``: whose key the address has.

    ``posts``: it is asked by POST with these fields. ``quiet``: a refusal is a line on the page one is led back to.
    """

    verb: Verb
    at: str = ""
    of: str = ""
    posts: dict[str, str] | None = None
    query: str = ""
    quiet: bool = field(default=False)


def _get(verb: Verb, of: str, at: str = "", query: str = "") -> Need:
    return Need(verb=verb, of=of, at=at or of, query=query)


def _post(verb: Verb, of: str, at: str = "", /, **fields: str) -> Need:
    return Need(verb=verb, of=of, at=at or of, posts=fields)


def _quiet(verb: Verb, of: str, at: str = "", /, **fields: str) -> Need:
    return Need(verb=verb, of=of, at=at or of, posts=fields, quiet=True)


_ADMINISTER = Need(verb=Verb.ADMINISTER, at="system")
_PLANNED = {"version": "{plan.version}"}

NEEDS: dict[str, Need] = {
    # clusters
    "cluster": _get(Verb.VIEW, "cluster"),
    "cluster_limits": _quiet(
        Verb.EDIT_CLUSTER, "cluster", most_out="3", most_in="3", most_at_once="9", most_on_network="16"
    ),
    "cluster_policy": _quiet(Verb.EDIT_CLUSTER, "cluster", policy=""),
    "affinity_new": _get(Verb.EDIT_CLUSTER, "cluster"),
    "affinity_edit": _get(Verb.EDIT_CLUSTER, "cluster"),
    "affinity_remove": _quiet(Verb.EDIT_CLUSTER, "cluster"),
    # hosts
    "host": _get(Verb.VIEW, "host"),
    "host_loads": _get(Verb.VIEW, "host"),
    "host_add": Need(verb=Verb.EDIT_HOST),
    "host_remove": _quiet(Verb.EDIT_HOST, "host"),
    "host_migrate_all": _quiet(Verb.MIGRATE, "host"),
    "host_tags": _quiet(Verb.MAINTAIN, "host", tags="rack-3"),
    "host_state": _quiet(Verb.EDIT_HOST, "host"),
    "host_off": _quiet(Verb.RESOLVE, "host", looked="on"),
    "hosts_maintenance": Need(verb=Verb.MAINTAIN, at="host", posts={"host": "{host.pk}", "verb": "plan"}),
    "hosts_activate": Need(verb=Verb.MAINTAIN, at="host", posts={"host": "{host.pk}"}, quiet=True),
    # VMs
    "vm": _get(Verb.VIEW, "vm"),
    "vm_loads": _get(Verb.VIEW, "vm"),
    "vm_power": _quiet(Verb.POWER, "vm", verb="pause"),
    "vm_migrate": _post(Verb.MIGRATE, "vm", destination="best"),
    "vm_plan": _get(Verb.VIEW, "vm"),
    "vm_measure": _quiet(Verb.MIGRATE, "vm"),
    "vm_tags": _quiet(Verb.EDIT_VM, "vm", tags="gold"),
    "vm_rules": _quiet(Verb.EDIT_VM, "vm", maintenance_rule="migrate", migration_mode="manual"),
    "vm_policy": _quiet(Verb.EDIT_VM, "vm", policy=""),
    # migrations, doubts
    "migration": _get(Verb.VIEW, "migration", "vm"),
    "migration_samples": _get(Verb.VIEW, "migration", "vm"),
    "migration_adjust": _quiet(Verb.MIGRATE, "migration", "vm", kind="bandwidth", value="10"),
    "doubt": _get(Verb.VIEW, "doubt", "vm"),
    "doubt_remedy": _quiet(Verb.RESOLVE, "doubt", "vm", verb="suspend", host="{host.pk}"),
    # migration policies are the system's
    "policy": Need(verb=Verb.VIEW, of="policy"),
    "policy_new": Need(verb=Verb.EDIT_POLICY, at="system"),
    "policy_edit": Need(verb=Verb.EDIT_POLICY, of="policy", at="system"),
    "policy_remove": Need(verb=Verb.EDIT_POLICY, of="policy", at="system", posts={}, quiet=True),
    # maintenance
    "plan_new": Need(verb=Verb.MAINTAIN),
    "plan": _get(Verb.VIEW, "plan", "cluster"),
    "plan_order": _quiet(Verb.MAINTAIN, "plan", "cluster", verb="pause"),
    "plan_approve": _post(Verb.MAINTAIN, "plan", "cluster", **_PLANNED),
    "plan_cancel": _get(Verb.VIEW, "plan", "cluster"),
    "plan_terms": _get(Verb.VIEW, "plan", "cluster"),
    "plan_burndown": _get(Verb.VIEW, "plan", "cluster"),
    "plan_host": _get(Verb.VIEW, "plan", "cluster"),
    "plan_skip": _quiet(Verb.MAINTAIN, "plan", "cluster"),
    "plan_move": _get(Verb.VIEW, "plan", "cluster"),
    "plan_step": _quiet(Verb.MAINTAIN, "plan", "cluster", ok="yes"),
    "maintenance_policy": _get(Verb.VIEW, "maintenance_policy", "cluster"),
    "maintenance_policy_new": Need(verb=Verb.EDIT_POLICY),
    "maintenance_policy_preview": Need(verb=Verb.EDIT_POLICY, posts={}),
    "maintenance_policy_hosts": Need(verb=Verb.EDIT_POLICY, posts={"cluster": "{cluster.pk}"}),
    "maintenance_policy_edit": _get(Verb.EDIT_POLICY, "maintenance_policy", "cluster"),
    "maintenance_policy_enable": _quiet(Verb.EDIT_POLICY, "maintenance_policy", "cluster", enabled="on"),
    "maintenance_policy_remove": _quiet(Verb.EDIT_POLICY, "maintenance_policy", "cluster"),
    "events_export": Need(verb=Verb.AUDIT),
    # alerts
    "alert": _get(Verb.VIEW, "alert", "host"),
    "alert_order": _quiet(Verb.ACKNOWLEDGE, "alert", "host", verb="acknowledge"),
    # displays
    "displays": Need(verb=Verb.DISPLAY),
    "display_new": Need(verb=Verb.DISPLAY),
    "display": _get(Verb.DISPLAY, "display", "cluster"),
    "display_edit": _get(Verb.DISPLAY, "display", "cluster"),
    "display_link": _post(Verb.DISPLAY, "display", "cluster"),
    "display_end": _post(Verb.DISPLAY, "display", "cluster"),
    "display_preview": _get(Verb.DISPLAY, "display", "cluster"),
    # accounts
    "users": _ADMINISTER,
    "user_add": _ADMINISTER,
    "user": Need(verb=Verb.ADMINISTER, at="system", of="user"),
    "user_password": Need(verb=Verb.ADMINISTER, at="system", of="user", posts={}),
    "user_sessions_end": Need(verb=Verb.ADMINISTER, at="system", of="user", posts={}),
    "user_do": Need(verb=Verb.ADMINISTER, at="system", of="user", posts={}),
    # roles
    "role_new": Need(verb=Verb.GRANT, at="system"),
    "role_edit": Need(verb=Verb.GRANT, at="system", of="role"),
    "role_remove": Need(verb=Verb.GRANT, at="system", of="role", posts={}, quiet=True),
    "permissions": Need(verb=Verb.VIEW, of="level", at="cluster"),
    "permission_give": Need(
        verb=Verb.GRANT, of="level", at="cluster", posts={"role": "{read_only.pk}", "to": "user:{user.pk}"}, quiet=True
    ),
    "permission_take": Need(verb=Verb.GRANT, of="binding", at="cluster", posts={}, quiet=True),
    "system_permissions": Need(verb=Verb.VIEW, at="system"),
    "tokens": _ADMINISTER,
    "groups": _ADMINISTER,
    "group_new": _ADMINISTER,
    "group_edit": Need(verb=Verb.ADMINISTER, at="system", of="group"),
    "group_remove": Need(verb=Verb.ADMINISTER, at="system", of="group", posts={}, quiet=True),
    "permission_people": Need(verb=Verb.GRANT),
}
