"""The form of a rule of notification."""

from typing import Any

from django import forms

from datacenter.access import visible
from datacenter.models import AlertKind, Channel, NotificationRule
from datacenter.orders.notifications import RuleDraft
from hosts.models import VM, Cluster, DataCenter, EventKind, Host, Severity

_SEVERITIES = [(value, f"{label} and graver" if value != "critical" else label) for value, label in Severity.choices]


class RuleForm(forms.Form):
    """What a rule says. The object is typed by its name, with its level: there may be 40,000 of them."""

    name = forms.CharField(max_length=80, error_messages={"required": "A rule needs a name."})
    enabled = forms.BooleanField(required=False)
    about = forms.ChoiceField(choices=NotificationRule.About.choices)
    severity = forms.ChoiceField(choices=_SEVERITIES)
    alert_kinds = forms.MultipleChoiceField(choices=AlertKind.choices, required=False)
    event_kinds = forms.MultipleChoiceField(choices=EventKind.choices, required=False)
    level = forms.ChoiceField(choices=NotificationRule.Level.choices)
    scope = forms.CharField(max_length=300, required=False)
    channel = forms.ChoiceField(choices=Channel.choices)
    target = forms.CharField(max_length=1000, required=False)
    tell_resolved = forms.BooleanField(required=False)
    fold_minutes = forms.IntegerField(min_value=0, max_value=1440)

    def __init__(self, *args: Any, own: bool, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own, self._user = own, user

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        given["row"] = 0
        if given.get("level") not in (None, NotificationRule.Level.SYSTEM):
            given["row"] = self._row(str(given["level"]), given.get("scope", "").strip())

    def draft(self) -> RuleDraft:
        """What was typed. Only after ``is_valid()``."""
        given = self.cleaned_data
        alerts = given["about"] == NotificationRule.About.ALERTS
        return RuleDraft(
            kinds=tuple(given["alert_kinds"] if alerts else given["event_kinds"]),
            **{
                name: given[name]
                for name in (
                    "name", "enabled", "about", "severity", "level", "row", "channel", "target", "tell_resolved",
                    "fold_minutes",
                )
            },
        )  # fmt: skip

    def blame(self, field: str | None, words: str) -> None:
        """Show a refusal at the field at fault."""
        names = {"kinds": "alert_kinds"}
        name = names.get(field or "", field)
        self.add_error(name if name in self.fields else None, words)

    def _row(self, level: str, name: str) -> int:
        """The object of that name that this person may see; one that several have is not guessed."""
        model: Any = {"datacenter": DataCenter, "cluster": Cluster, "host": Host, "vm": VM}[level]
        if not name:
            self.add_error("scope", "Which one? Its name.")
            return 0
        found = list(visible(self._user, model.objects.filter(name=name)).values_list("pk", flat=True)[:2])
        if len(found) == 1:
            return int(found[0])
        words = f"Several are called “{name}”." if found else f"There is no {level.replace('vm', 'VM')} “{name}”."
        self.add_error("scope", words)
        return 0


def typed(row: NotificationRule | None) -> dict[str, Any]:
    """A rule as the form shows it; of a new one what most people want."""
    if row is None:
        return {
            "enabled": True, "about": "alerts", "severity": "warning", "level": "system", "channel": "mail",
            "tell_resolved": True, "fold_minutes": 10,
        }  # fmt: skip
    fields = ("name", "enabled", "about", "severity", "level", "channel", "target", "tell_resolved", "fold_minutes")
    kinds = "alert_kinds" if row.about == NotificationRule.About.ALERTS else "event_kinds"
    return {name: getattr(row, name) for name in fields} | {kinds: row.kinds, "scope": row.scope_name}
