"""Which rule is about what. Pure."""

from datetime import datetime

from datacenter.models import Alert, NotificationRule
from hosts.models import Event
from hosts.models.event import Severity


def matches(rule: NotificationRule, told: Alert | Event) -> bool:
    """Whether the rule is about it: both say where they stand in the tree in the same columns."""
    if not rule.enabled or Severity.values.index(told.severity) < Severity.values.index(rule.severity):
        return False
    if rule.kinds and told.kind not in rule.kinds:
        return False
    return rule.level == NotificationRule.Level.SYSTEM or getattr(told, f"{rule.level}_pk") == rule.row


def moment(at: datetime | None) -> str:
    """As a person reads it who may sit in any zone."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "–"
