"""The form of a maintenance policy: its hosts, its windows, and the terms that plans have too."""

from datetime import UTC, datetime
from typing import Any

from django import forms

from datacenter.maintenance.patterns import DAY_NAMES, NTHS, Kind, Pattern, recognise, write
from datacenter.maintenance.policies import Draft
from datacenter.maintenance.recurrence import DAYS, RuleRefused
from datacenter.maintenance.terms import Terms
from datacenter.models import MaintenancePolicy
from datacenter.screens.terms_form import TermsForm
from hosts.models import Cluster, Host

KINDS = (
    (Kind.DAILY, "Every day"),
    (Kind.WEEKLY, "Weekly, on days of the week"),
    (Kind.MONTHLY, "Monthly, on a weekday"),
    (Kind.CUSTOM, "By a recurrence rule, under Advanced"),
)
ALL, TAG, LIST = "all", "tag", "list"
WHICH = ((ALL, "All hosts of the cluster"), (TAG, "Those with a tag"), (LIST, "Those chosen below"))
#: the fields that say when
WINDOW_FIELDS = (
    "pattern", "every", "weekdays", "nth", "nth_day", "rule", "starts_on", "starts_time", "zone", "duration_minutes",
    "blackouts",
)  # fmt: skip
#: field of Draft -> field of the form
_FIELDS = {"starts_at_local": "starts_on"}


class PolicyForm(TermsForm):
    """All that a policy says. The rule is written from the pattern, unless the pattern says that it is typed."""

    name = forms.CharField(max_length=80, error_messages={"required": "A policy needs a name."})
    description = forms.CharField(max_length=500, required=False)
    enabled = forms.BooleanField(required=False)
    version = forms.IntegerField(min_value=0, required=False)
    cluster = forms.ModelChoiceField(
        queryset=Cluster.objects.select_related("datacenter").order_by("datacenter__name", "name"),
        error_messages={"required": "Choose a cluster.", "invalid_choice": "That cluster is no longer there."},
    )
    which = forms.ChoiceField(choices=WHICH)
    tag = forms.CharField(max_length=60, required=False)
    hosts = forms.ModelMultipleChoiceField(queryset=Host.objects.order_by("name"), required=False)

    pattern = forms.ChoiceField(choices=KINDS)
    every = forms.IntegerField(min_value=1, max_value=99, required=False)
    weekdays = forms.MultipleChoiceField(choices=tuple(zip(DAYS, DAY_NAMES, strict=True)), required=False)
    nth = forms.ChoiceField(choices=tuple((str(number), word) for number, word in NTHS.items()), required=False)
    nth_day = forms.ChoiceField(choices=tuple(zip(DAYS, DAY_NAMES, strict=True)), required=False)
    rule = forms.CharField(max_length=300, required=False)
    starts_on = forms.DateField(input_formats=["%Y-%m-%d"], error_messages={"invalid": "A date such as 2026-12-24."})
    starts_time = forms.TimeField(input_formats=["%H:%M"], error_messages={"invalid": "A time such as 02:00."})
    zone = forms.CharField(max_length=60, error_messages={"required": "A time zone is needed, such as Europe/Berlin."})
    duration_minutes = forms.IntegerField(min_value=1, max_value=100_000)
    blackouts = forms.CharField(max_length=4000, required=False)

    def clean_blackouts(self) -> tuple[str, ...]:
        """A date or a span a line; commas separate too."""
        lines = self.cleaned_data["blackouts"].replace(",", "\n").splitlines()
        return tuple("".join(line.split()) for line in lines if line.strip())

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if "pattern" in given and not any(name in self.errors for name in ("every", "weekdays", "nth", "nth_day")):
            try:
                given["rule"] = self._rule()
            except RuleRefused as exc:
                self.add_error(exc.field, str(exc))
        if given.get("which") == TAG and not given.get("tag"):
            self.add_error("tag", "Which tag?")
        if given.get("which") == LIST and not given.get("hosts") and "hosts" not in self.errors:
            self.add_error("hosts", "Choose at least one host.")

    def draft(self) -> Draft:
        """What was typed. Only after ``is_valid()``."""
        given = self.cleaned_data
        return Draft(
            name=given["name"],
            description=given["description"],
            enabled=given["enabled"],
            cluster=given["cluster"],
            tag=given["tag"] if given["which"] == TAG else "",
            hosts=tuple(given["hosts"]) if given["which"] == LIST else (),
            rule=given["rule"],
            starts_at_local=self.starts_at(),
            zone=given["zone"].strip(),
            duration_minutes=given["duration_minutes"],
            blackouts=given["blackouts"],
            terms=self.terms(),
        )

    def starts_at(self) -> datetime:
        """The first window's local time."""
        return datetime.combine(self.cleaned_data["starts_on"], self.cleaned_data["starts_time"])

    def blame(self, name: str | None, words: str) -> None:
        super().blame(_FIELDS.get(name or "", name), words)

    def window_fault(self) -> str:
        """The first thing that is wrong with the windows; "" if nothing is. After ``is_valid()``, whatever it said."""
        return next((str(self.errors[name][0]) for name in WINDOW_FIELDS if name in self.errors), "")

    def _rule(self) -> str:
        given = self.cleaned_data
        if given["pattern"] == Kind.CUSTOM:
            if not given.get("rule"):
                raise RuleRefused("A recurrence rule is needed, such as FREQ=WEEKLY;BYDAY=SU.", field="rule")
            return str(given["rule"])
        return write(
            Pattern(
                kind=Kind(given["pattern"]),
                every=given.get("every") or 1,
                days=tuple(given.get("weekdays") or ()),
                nth=int(given.get("nth") or 1),
                day=given.get("nth_day") or "SU",
            )
        )


def begun(policy: MaintenancePolicy | None, *, zone: str = "UTC", today: datetime | None = None) -> dict[str, Any]:
    """What the form shows first: the policy, or Sundays at two."""
    if policy is None:
        first = today or datetime.now(UTC)
        return _pattern(Pattern(kind=Kind.WEEKLY)) | {
            "enabled": True, "which": ALL, "rule": "FREQ=WEEKLY;BYDAY=SU", "starts_on": first.date().isoformat(),
            "starts_time": "02:00", "zone": zone, "duration_minutes": 240, "version": 0,
        }  # fmt: skip
    listed = [str(pk) for pk in policy.hosts.values_list("pk", flat=True)]
    same = ("name", "description", "enabled", "version", "tag", "rule", "zone", "duration_minutes")
    return (
        _pattern(recognise(policy.rule))
        | {name: getattr(policy, name) for name in same}
        | {
            "cluster": policy.cluster_id,
            "which": LIST if listed else TAG if policy.tag else ALL,
            "hosts": listed,
            "starts_on": f"{policy.starts_at_local:%Y-%m-%d}",
            "starts_time": f"{policy.starts_at_local:%H:%M}",
            "blackouts": "\n".join(policy.blackouts),
        }
    )


def _pattern(pattern: Pattern) -> dict[str, Any]:
    return {
        "pattern": str(pattern.kind),
        "every": pattern.every,
        "weekdays": list(pattern.days),
        "nth": str(pattern.nth),
        "nth_day": pattern.day,
    }


def terms_of(policy: MaintenancePolicy | None) -> Terms:
    return Terms.from_json(policy.terms) if policy else Terms()
