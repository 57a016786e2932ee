"""What each kind of step has to be told: the one list for forms, for checks and for the steps themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datacenter.maintenance.address import UrlRefused, check_url
from datacenter.maintenance.terms import StepTerms, TermsRefused
from datacenter.models import PlanStep

_LONGEST_COMMAND = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter. ``kind``: text, lines (more than one), url, number. Bounds are of numbers."""

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    default: Any = ""
    least: float = 0.0
    most: float = 0.0
    longest: int = 500
    help: str = ""


def _deadline(default: float | None, *, label: str = "Deadline, seconds", least: float = 1, hint: str = "") -> Field:
    return Field(name="deadline_s", label=label, kind="number", default=default, least=least, most=86_400, help=hint)


FIELDS: dict[str, tuple[Field, ...]] = {
    "command": (
        Field(
            name="command",
            label="Command",
            kind="lines",
            required=True,
            longest=_LONGEST_COMMAND,
            help="Run over SSH by the host's shell. {host} becomes the host's address.",
        ),
        _deadline(600),
    ),
    "reboot": (
        Field(name="command", label="Command", default="systemctl reboot", longest=_LONGEST_COMMAND),
        _deadline(900, least=30, hint="Until libvirt answers again, on a new boot."),
    ),
    "health": (
        Field(
            name="memory_tolerance_percent",
            label="Memory may shrink by, per cent",
            kind="number",
            default=2,
            most=50,
        ),
        _deadline(120, hint="How long networks and storage may take to come up."),
    ),
    "webhook": (
        Field(name="url", label="URL", kind="url", required=True, longest=1000, help="Gets a signed POST with JSON."),
        Field(name="tries", label="Tries", kind="number", default=4, least=1, most=10),
        _deadline(10, label="Seconds a try may take", hint="1 to 60."),
    ),
    "confirm": (
        Field(name="text", label="What is to be confirmed", required=True, longest=500),
        _deadline(None, hint="Without an answer by then the step has failed. Empty: it waits."),
    ),
}


def validate(step: StepTerms, field: str) -> None:
    """Refuse a step that makes no sense. TermsRefused names ``<field>-<parameter>``, such as ``steps-2-url``."""
    if step.kind not in FIELDS:
        raise TermsRefused(f"There is no step of the kind “{step.kind}”.", field=f"{field}-kind")
    if step.when not in PlanStep.When.values:
        raise TermsRefused(f"“{step.when}” is not a time for a step.", field=f"{field}-when")
    if not isinstance(step.params, Mapping):
        raise TermsRefused("The step's parameters are not a table of names and values.", field=field)
    known = {each.name: each for each in FIELDS[step.kind]}
    for name in step.params:
        if name not in known:
            raise TermsRefused(f"A step of the kind “{step.kind}” has no parameter “{name}”.", field=f"{field}-{name}")
    for each in known.values():
        _check(each, step.params.get(each.name), f"{field}-{each.name}")
    _check_when(step, field)


def _check_when(step: StepTerms, field: str) -> None:
    if step.kind == PlanStep.Kind.REBOOT and step.when != PlanStep.When.EMPTY:
        raise TermsRefused("A host is rebooted while it is empty, at no other time.", field=f"{field}-when")
    if step.kind == PlanStep.Kind.WEBHOOK and float(step.params.get("deadline_s") or 10) > 60:
        raise TermsRefused("A try may take 60 seconds at most.", field=f"{field}-deadline_s")


def value(step: PlanStep, name: str) -> Any:
    """A parameter of a step, or its default."""
    field = next(each for each in FIELDS[step.kind] if each.name == name)
    given = step.params.get(name)
    return field.default if given in (None, "") else given


def for_administrators(steps: Iterable[StepTerms]) -> bool:
    """Whether these steps run a command of somebody's: only who may administer hosts says which.

    A reboot by the usual command is an operator's too, who may empty the host anyway.
    """
    return any(_has_command(step) for step in steps)


def _has_command(step: StepTerms) -> bool:
    usual = next((each.default for each in FIELDS.get(step.kind, ()) if each.name == "command"), None)
    return step.params.get("command") not in (None, "", usual)


def logs_in(step: StepTerms) -> bool:
    """Whether this step goes to the host over SSH."""
    return step.kind in (PlanStep.Kind.COMMAND, PlanStep.Kind.REBOOT)


def _check(field: Field, given: Any, named: str) -> None:
    if given in (None, ""):
        if field.required:
            raise TermsRefused(f"“{field.label}” is missing.", field=named)
        return
    if field.kind == "number":
        _check_number(field, given, named)
    else:
        _check_text(field, given, named)


def _check_number(field: Field, given: Any, named: str) -> None:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not field.least <= given <= field.most:  # not-a-number fails every comparison
        raise TermsRefused(f"“{field.label}” is a number from {field.least:g} to {field.most:g}.", field=named)


def _check_text(field: Field, given: Any, named: str) -> None:
    if not isinstance(given, str) or not given.strip():
        raise TermsRefused(f"“{field.label}” is a text.", field=named)
    if len(given) > field.longest:
        raise TermsRefused(f"“{field.label}” has {field.longest} characters at most.", field=named)
    allowed = "\n\t" if field.kind == "lines" else ""
    if any((ord(each) < 32 and each not in allowed) or each == "\x7f" for each in given):
        raise TermsRefused(f"“{field.label}” contains a control character.", field=named)
    if field.kind == "url":
        try:
            check_url(given)
        except UrlRefused as exc:
            raise TermsRefused(str(exc), field=named) from exc
