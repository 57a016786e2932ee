"""The form of terms: how a plan, or a policy's plans, go about it. Steps are rows: ``steps-0-kind``.

Used by the pages of plans and of policies: ``TermsForm(request.POST or None, terms=…)``, ``is_valid()``, ``terms()``;
templates/maintenance/_terms_fields.html draws it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django import forms
from django.core.validators import validate_email

from datacenter.maintenance.address import UrlRefused, check_url
from datacenter.maintenance.steps.fields import FIELDS, Field, validate
from datacenter.maintenance.terms import MOST_STEPS, After, Order, StepTerms, Terms, TermsRefused
from datacenter.models import PlanStep
from hosts.models import MigrationPolicy

_SPARE_ROWS = 1
ORDERS = (
    (Order.NAME, "By name"),
    (Order.FEWEST_VMS, "Fewest VMs first"),
    (Order.LEAST_MEMORY, "Least memory first: the quickest"),
    (Order.LISTED, "As they are listed"),
)
FOLLOWS = (
    (After.ACTIVATE, "The host is activated"),
    (After.STAY, "It stays in maintenance until somebody activates it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One parameter's field as a page draws it."""

    field: Field
    name: str
    value: Any
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step's row; ``kind`` "" is none. ``parts``: each kind's parameters; CSS shows the chosen kind's."""

    number: int
    when: str
    kind: str
    parts: list[tuple[str, list[Input]]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _policies() -> list[tuple[str, str]]:
    names = MigrationPolicy.objects.values_list("name", flat=True)
    return [("", "Each VM’s own"), *((name, name) for name in names)]


class TermsForm(forms.Form):
    """All that terms say."""

    at_once = forms.IntegerField(min_value=1, max_value=100)
    keep_spare = forms.BooleanField(required=False)
    order = forms.ChoiceField(choices=ORDERS)
    migration_policy = forms.ChoiceField(choices=_policies, required=False)
    stop_unmovable = forms.BooleanField(required=False)
    skip_blocked = forms.BooleanField(required=False)
    follow = forms.ChoiceField(choices=FOLLOWS)
    home = forms.BooleanField(required=False)
    home_stagger_s = forms.FloatField(min_value=0, max_value=3600)
    drain_limit_minutes = forms.IntegerField(min_value=1, max_value=10_080)
    shutdown_limit_s = forms.FloatField(min_value=5, max_value=3600)
    report_mail = forms.CharField(max_length=300, required=False)
    report_webhook = forms.CharField(max_length=1000, required=False)

    def __init__(self, data: Any = None, *, terms: Terms | None = None, **kwargs: Any) -> None:
        self.begun = terms or Terms()
        self._step_errors: dict[str, str] = {}
        said = self.begun.as_json()
        initial = {name: said[name] for name in self.base_fields if name in said}
        super().__init__(data, initial=initial | (kwargs.pop("initial", None) or {}), **kwargs)

    def clean_report_mail(self) -> str:
        """Addresses, separated by commas."""
        found = [each.strip() for each in self.cleaned_data["report_mail"].split(",") if each.strip()]
        for each in found:
            validate_email(each)
        return ", ".join(found)

    def clean_report_webhook(self) -> str:
        url: str = self.cleaned_data["report_webhook"].strip()
        if url:
            try:
                check_url(url)
            except UrlRefused as exc:
                raise forms.ValidationError(str(exc)) from exc
        return url

    def clean(self) -> None:
        super().clean()
        for number, step in self._given():
            try:
                validate(step, f"steps-{number}")
            except TermsRefused as exc:
                self._step_errors[exc.field] = str(exc)
        if self._step_errors:
            self.add_error(None, "A step makes no sense yet; it says so itself.")

    def terms(self) -> Terms:
        """What was typed. Only after ``is_valid()``."""
        given = {each.name: self.cleaned_data[each.name] for each in fields(Terms) if each.name in self.cleaned_data}
        steps = tuple(step for _, step in self._given())
        return Terms(**given | {"order": Order(given["order"]), "follow": After(given["follow"]), "steps": steps})

    def blame(self, name: str | None, words: str) -> None:
        """Show a refusal at the field at fault; a step's at its row."""
        if name and name.startswith("steps-"):
            self._step_errors[name] = words
            self.add_error(None, words)
        else:
            self.add_error(name if name in self.fields else None, words)

    def rows(self) -> list[StepRow]:
        """The steps as rows, with an empty one to add another."""
        if self.is_bound:
            raw = [_row_of(self.data, number) for number in range(MOST_STEPS)]
            shown = max((number for number, (kind, *_) in enumerate(raw) if kind), default=-1) + 1 + _SPARE_ROWS
        else:
            raw = [(step.kind, step.when, dict(step.params)) for step in self.begun.steps]
            shown = len(raw) + _SPARE_ROWS
        raw += [("", str(PlanStep.When.EMPTY), {})] * (MOST_STEPS - len(raw))
        return [self._row(number, *raw[number]) for number in range(min(shown, MOST_STEPS))]

    def _given(self) -> list[tuple[int, StepTerms]]:
        """The steps that were typed, with their row's number."""
        found = ((number, *_row_of(self.data, number)) for number in range(MOST_STEPS))
        return [
            (number, StepTerms(kind=kind, when=when, params=params)) for number, kind, when, params in found if kind
        ]

    def _row(self, number: int, kind: str, when: str, params: Mapping[str, Any]) -> StepRow:
        named = f"steps-{number}-"
        errors = {key.removeprefix(named): said for key, said in self._step_errors.items() if key.startswith(named)}
        parts = []
        for each, known in FIELDS.items():
            mine = params if each == kind else {}
            parts.append((each, [_input(number, each, one, mine, errors if each == kind else {}) for one in known]))
        loose = [said for key, said in errors.items() if key in ("kind", "when")]
        return StepRow(number=number, when=when, kind=kind, parts=parts, errors=loose)


def _input(number: int, kind: str, of: Field, params: Mapping[str, Any], errors: Mapping[str, str]) -> Input:
    value = params.get(of.name, of.default)
    shown = "" if value is None else value
    return Input(field=of, name=f"steps-{number}-{kind}-{of.name}", value=shown, error=errors.get(of.name, ""))


def _row_of(data: Mapping[str, Any], number: int) -> tuple[str, str, dict[str, Any]]:
    """One row as it was posted: kind, when, parameters; what was left empty is left out."""
    kind, when = str(data.get(f"steps-{number}-kind", "")), str(data.get(f"steps-{number}-when", ""))
    params = {}
    for of in FIELDS.get(kind, ()):
        value = _typed(of, str(data.get(f"steps-{number}-{kind}-{of.name}", "")).replace("\r\n", "\n").strip())
        if value is not None:
            params[of.name] = value
    return kind, when or str(PlanStep.When.EMPTY), params


def _typed(of: Field, text: str) -> Any:
    """The value in its own type; what is no number stays text, so that ``validate`` refuses it by name."""
    if of.kind == "flag":
        return True if text else None
    if not text:
        return None
    if of.kind == "number":
        try:
            return float(text)
        except ValueError:
            return text
    return text
