"""Rules and alerts for tests of who is told what."""

from datetime import datetime
from typing import Any

from datacenter.alerts.ledger import rank
from datacenter.models import Alert, Delivery, NotificationRule
from datacenter.notify import announce
from hosts.models.event import Severity
from tests.alerts.found import NOW


def rule(**fields: Any) -> NotificationRule:
    given = {"name": "Night", "channel": "mail", "target": "ops@dc.example", "made_by": "ada", "severity": "warning"}
    return NotificationRule.objects.create(**{**given, **fields})


def alert(name: str = "h1", **fields: Any) -> Alert:
    severity = fields.pop("severity", Severity.ERROR)
    given: dict[str, Any] = {
        "kind": "host_silent", "subject_noun": "host", "subject_pk": int(name.lstrip("hvm")), "name": name,
        "severity": severity, "rank": rank(severity), "sentence": f"{name} does not answer.", "raised_at": NOW,
        "cluster_pk": 1, "host_pk": 1,
    }  # fmt: skip
    return Alert.objects.create(**{**given, **fields})


def unknown(count: int, *, by: Alert) -> list[Alert]:
    return [alert(f"vm{n}", kind="vm_unknown", subject_noun="vm", cause=by, vm_pk=n) for n in range(1, count + 1)]


def tell(raised: list[Alert], resolved: list[Alert] | None = None, *, now: datetime = NOW, sees: Any = None) -> None:
    announce.alerts(raised, resolved or [], may=sees or (lambda user, row: True), now=now)


def sent() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("stage", "subject"))
