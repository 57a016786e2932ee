"""A plan's report as a text for people: what failed first, then forecast against fact. Pure but for the plan's rows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from datacenter import units
from datacenter.models import Plan, PlanStep
from hosts.states import PlanHostState, PlanMoveState, PlanState, PlanStepState

_MOST_LINES = 200  # of hosts, and of failures each


def subject(plan: Plan) -> str:
    """One line, without anything that could become a header of its own."""
    hosts = plan.hosts.count()
    failed = plan.hosts.filter(state=PlanHostState.FAILED).count()
    state = PlanState.of(plan.state).label.lower()
    counted = f"{hosts} {'host' if hosts == 1 else 'hosts'}" + (f", {failed} failed" if failed else "")
    return " ".join(f"Maintenance {state}: {plan.title} ({counted})".split())[:200]


def body(plan: Plan) -> str:
    """The whole letter."""
    parts = [_head(plan), _failures(plan), _table(plan), _hosts(plan), _steps(plan), _link(plan)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(plan: Plan) -> str:
    lines = [f"{plan.title}: {PlanState.of(plan.state).label.lower()}", plan.because]
    if plan.reason:
        lines.append(f"Reason: {plan.reason}")
    who = f"Made by {plan.made_by}" + (f", approved by {plan.approved_by}" if plan.approved_by else "")
    lines.append(f"{who}. Started {_moment(plan.started_at)}, ended {_moment(plan.ended_at)}.")
    return "\n".join(line for line in lines if line)


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "–"


def _failures(plan: Plan) -> str:
    failed = [str(each) for each in _report(plan).get("failed", [])]
    return _section("What failed", failed) if failed else ""


def _table(plan: Plan) -> str:
    report = _report(plan)
    rows = [("", "forecast", "fact"), ("Whole plan", *_pair(report.get("expected_s"), report.get("actual_s")))]
    for host in report.get("hosts", [])[:_MOST_LINES]:
        rows.append((str(host["host"]), *_pair(host.get("expected_s"), host.get("actual_s"))))
        rows.append(("  until empty", *_pair(host.get("expected_empty_s"), host.get("actual_empty_s"))))
    width = max(len(row[0]) for row in rows)
    lines = [f"{name:<{width}}  {forecast:>12}  {fact:>12}" for name, forecast, fact in rows]
    return _section("Forecast and fact", lines)


def _pair(forecast: float | None, fact: float | None) -> tuple[str, str]:
    return units.duration(forecast), units.duration(fact)


def _hosts(plan: Plan) -> str:
    lines = [_host(each) for each in _report(plan).get("hosts", [])[:_MOST_LINES]]
    return _section("Hosts", lines)


def _host(host: dict[str, Any]) -> str:
    moves = host.get("moves", [])
    migrated = [each for each in moves if each["action"] == "migrate" and each["state"] == PlanMoveState.DONE]
    words = [f"{host['host']}: {PlanHostState.of(host['state']).label.lower()}"]
    if migrated:
        words.append(f"{len(migrated)} {'migration' if len(migrated) == 1 else 'migrations'}")
        pauses = [each["pause_ms"] for each in migrated if each.get("pause_ms") is not None]
        if pauses:
            words.append(f"longest pause {units.milliseconds(max(pauses))}")
    for action, word in (("shutdown", "shut down"), ("suspend", "suspended"), ("leave", "left")):
        count = sum(each["action"] == action and each["leg"] == "out" for each in moves)
        if count:
            words.append(f"{count} {word}")
    return ", ".join(words)


def _steps(plan: Plan) -> str:
    steps = PlanStep.objects.filter(plan_host__plan=plan).exclude(state=PlanStepState.WAITING)
    rows = list(steps.select_related("plan_host__host")[:_MOST_LINES])
    rows.sort(key=lambda step: (step.plan_host.position, PlanStep.When.values.index(step.when), step.position))
    return _section("Work on the hosts", list(_told(rows)))


def _told(steps: Iterable[PlanStep]) -> Iterator[str]:
    for step in steps:
        state = PlanStepState.of(step.state).label.lower()
        yield f"{step.plan_host.host}: {step.get_kind_display()}: {state}. {step.because}".rstrip()


def _section(title: str, lines: list[str]) -> str:
    shown = [" " * 2 + " ".join(line.split()) if title != "Forecast and fact" else "  " + line for line in lines]
    more = [f"  … and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    return "\n".join([title, *shown[: 2 * _MOST_LINES], *more]) if lines else ""


def _link(plan: Plan) -> str:
    """Where it can be seen, if it is known how we are reached."""
    origin = next(iter(settings.CSRF_TRUSTED_ORIGINS), "")
    return f"{origin}{reverse('plan', args=[plan.pk])}" if origin else ""


def _report(plan: Plan) -> dict[str, Any]:
    return plan.report or {}
