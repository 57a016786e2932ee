"""The next windows of maintenance policies, for the overview and a host's page."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django import template
from django.utils import timezone

from datacenter.maintenance import policies
from datacenter.maintenance.windows import RuleRefused, Window
from datacenter.models import MaintenancePolicy
from hosts.models import Host

log = logging.getLogger(__name__)
register = template.Library()

_AHEAD = timedelta(days=7)
_MOST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """One window to come, with its policy."""

    policy: MaintenancePolicy
    window: Window


@register.simple_tag
def next_windows(host: Host | None = None) -> list[Ahead]:
    """Those of the next 7 days, soonest first, at most 6; with ``host``, the next three of each policy that has it.

    One query; two with ``host``.
    """
    rows = MaintenancePolicy.objects.filter(enabled=True).select_related("cluster")
    if host is None:
        until = timezone.now() + _AHEAD
        found = [each for row in rows for each in _of(row) if each.window.starts_at < until]
    else:
        mine = [
            row for row in rows.filter(cluster=host.cluster_id).prefetch_related("hosts") if policies.covers(row, host)
        ]
        found = [each for row in mine for each in _of(row)]
    return sorted(found, key=lambda each: each.window.starts_at)[:_MOST]


def _of(policy: MaintenancePolicy) -> list[Ahead]:
    try:
        return [Ahead(policy=policy, window=each) for each in policies.preview(policy, 3)]
    except RuleRefused as exc:  # a row that an older version wrote; its own page says so
        log.warning("The windows of %s cannot be read: %s", policy, exc, extra={"action": "windows_unread"})
        return []
