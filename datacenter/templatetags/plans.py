"""What the pages of maintenance plans read of their rows: lights, words, times. Colours come from here, not a page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.maintenance.pace import Standing
from datacenter.maintenance.standing import begun, standing
from datacenter.maintenance.terms import After, Order, Terms
from datacenter.models import HostHold, Plan, PlanHost, PlanMove, PlanStep
from datacenter.templatetags.godwit import icon
from datacenter.units import UNKNOWN, duration
from hosts.advance import STATES
from hosts.livemigration.queue import ordinal
from hosts.models import Host, Transition
from hosts.states import HostState, MigrationState, PlanMoveState, PlanState, State

register = template.Library()

#: light -> colour token, icon, word, for one and for many
LIGHTS = {
    PlanMove.Light.RED: ("failed", "cross", "Blocks", "block"),
    PlanMove.Light.YELLOW: ("warning", "alert", "Warning", "with a warning"),
    PlanMove.Light.GREEN: ("ok", "check", "Ready", "ready"),
}
_ENDED = [state.value for state in PlanState if state.is_final]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lights:
    """How many VMs of each light."""

    red: int
    yellow: int
    green: int

    @property
    def total(self) -> int:
        return self.red + self.yellow + self.green


def count_lights(moves: Any) -> Lights:
    """Of any iterable of moves."""
    found = [move.light for move in moves]
    return Lights(red=found.count("red"), yellow=found.count("yellow"), green=found.count("green"))


@register.filter
def light(move: PlanMove) -> SafeString:
    """Red, yellow or green as icon and word."""
    colour, name, word, _ = LIGHTS[PlanMove.Light(move.light)]
    return format_html('<span class="state state-{}">{}{}</span>', colour, icon(name), word)


@register.filter
def lamps(lights: Lights) -> SafeString:
    """The counts that are not zero, red first: "1 block · 3 ready"."""
    parts = [
        format_html('<span class="state state-{}">{}{} {}</span>', colour, icon(name), number, word)
        for (colour, name, _, word), number in zip(
            LIGHTS.values(), (lights.red, lights.yellow, lights.green), strict=True
        )
        if number
    ]
    if not parts:
        return format_html('<span class="muted">{}</span>', "No VM runs here")
    return SafeString(" ".join(parts))


@register.filter
def light_colour(move: PlanMove) -> str:
    """The colour token of its light."""
    return LIGHTS[PlanMove.Light(move.light)][0]


@register.simple_tag
def at_time(moment: datetime | None) -> SafeString | str:
    """A point in time with its zone: "23 Nov 14:32 UTC"."""
    if moment is None:
        return UNKNOWN
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        moment.strftime("%-d %b %H:%M UTC"),
    )


@register.simple_tag
def expected_at(plan: Plan, seconds: float | None) -> SafeString | str:
    """When that many seconds after the plan's start are: a time where the start is known, else "+4 min"."""
    if seconds is None:
        return UNKNOWN
    begin = plan.started_at or plan.starts_at
    return at_time(begin + timedelta(seconds=seconds)) if begin else f"after {duration(seconds)}"


@register.filter
def from_to(begin: datetime | None, end: datetime | None) -> str:
    """How long it took: "4 min 3 s"; "–" where it has not begun or not ended."""
    return UNKNOWN if begin is None or end is None else duration(end - begin)


@register.filter
def took(move: PlanMove) -> timedelta | None:
    """How long it took: its migration from when libvirt was asked, without the queue, which no forecast of it knows."""
    begin = begun(move)
    end = (move.migration.ended_at if move.migration else None) or move.ended_at
    return end - begin if begin and end and end >= begin else None


@register.filter
def mark(row: PlanMove | PlanStep | PlanHost) -> str:
    """The icon of its state."""
    return _state(row).look.icon


@register.filter
def tone(row: PlanMove | PlanStep | PlanHost) -> str:
    """The colour token of its state."""
    return _state(row).look.colour


def _state(row: PlanMove | PlanStep | PlanHost) -> State:
    return STATES[type(row)].of(row.state)


@register.filter
def is_over(plan: Plan) -> bool:
    """Whether it has ended for good."""
    return PlanState.of(plan.state).is_final


@register.filter
def has_begun(plan: Plan) -> bool:
    """Whether its page watches rather than plans."""
    return plan.state not in (PlanState.DRAFT, PlanState.APPROVED)


@register.filter
def may_change(plan: Plan) -> bool:
    """Whether people may change what has not begun."""
    return plan.state in (PlanState.DRAFT, PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.FAILED)


@register.filter
def waits(row: PlanHost | PlanMove | PlanStep) -> bool:
    """Whether it has not begun."""
    return row.state == "waiting"


@register.filter
def hosts_of(plan: Plan) -> list[PlanHost]:
    """In their order, read with the plan (rows.plans) or now."""
    found: list[PlanHost] = getattr(plan, "in_order", None) or list(plan.hosts.select_related("host__cluster"))
    return found


@register.simple_tag
def how_it_goes(plan: Plan) -> Standing:
    """Where it stands against its forecast and its window. Two queries."""
    return standing(plan, timezone.now())


@register.simple_tag
def plan_of(host: Host) -> Plan | None:
    """The plan that holds the host, if one does. One query."""
    held = HostHold.objects.filter(host=host).select_related("plan").first()
    return held.plan if held else None


@register.simple_tag
def plans_of(host: Host) -> QuerySet[PlanHost]:
    """The host's part in plans, newest first, at most 20. One query."""
    return PlanHost.objects.filter(host=host).select_related("plan").order_by("-plan__made_at")[:20]


@register.simple_tag
def maintenance_since(host: Host) -> datetime | None:
    """Since when it is being emptied or in maintenance; None if it is neither."""
    return host.state_since if host.state in (HostState.PREPARING, HostState.MAINTENANCE) else None


@register.simple_tag
def reopened(host: Host) -> list[Transition]:
    """Its ways into maintenance and out of it, newest first, at most 12. One query."""
    states = [HostState.PREPARING.value, HostState.MAINTENANCE.value]
    rows = Transition.objects.filter(noun="host", row=host.pk, field="state")
    found = rows.filter(new__in=states) | rows.filter(old__in=states)
    return list(found.order_by("-at")[:12])


@register.filter
def can_rest(host: Host) -> bool:
    """Whether Maintenance makes sense for it now."""
    return host.state not in (HostState.PREPARING, HostState.MAINTENANCE)


@register.simple_tag
def maintenance_now() -> dict[str, Any]:
    """Plans that hold hosts, and hosts in maintenance, for the overview. Two queries."""
    going = Plan.objects.exclude(state__in=[*_ENDED, PlanState.DRAFT.value]).prefetch_related("hosts__host")
    resting = Host.objects.filter(state__in=[HostState.PREPARING.value, HostState.MAINTENANCE.value])
    return {"plans": list(going[:6]), "hosts": list(resting.order_by("name")[:12])}


@register.filter
def plan_colour(plan: Plan) -> str:
    """The colour token of its state."""
    return PlanState.of(plan.state).colour


@register.filter
def in_words(plan: Plan, goes: Standing) -> str:
    """The plan in one sentence, for its head."""
    state = PlanState.of(plan.state)
    if state in (PlanState.DRAFT, PlanState.APPROVED):
        return _to_come(plan, goes)
    if state.is_final:
        return _ended_in_words(plan, goes)
    gone = f"{goes.done} of {goes.total} VMs have left." if goes.total else "No VM has to leave."
    if goes.late_s is None:
        left = f" About {duration(goes.left_s)} to go." if goes.left_s and state is PlanState.RUNNING else ""
        return gone + left
    if goes.late_s > 0:
        return f"{gone} At this rate the window is missed by {_minutes(goes.late_s)}."
    return f"{gone} At this rate it is done {_minutes(-goes.late_s)} before the window ends."


def _to_come(plan: Plan, goes: Standing) -> str:
    if not goes.total:
        return "No VM runs on these hosts: they go to maintenance at once."
    many = f"{goes.total} VM{'' if goes.total == 1 else 's'}"
    if plan.expected_s is None:
        return f"{many} to move. How long it takes is not known yet."
    words = f"{many} in about {duration(plan.expected_s)}"
    if plan.expected_p90_s:
        words += f", nine times in ten within {duration(plan.expected_p90_s)}"
    if goes.late_s is not None and goes.late_s > 0 and plan.starts_at:
        words += f". That is {_minutes(goes.late_s)} longer than the window"
    return words + "."


def _ended_in_words(plan: Plan, goes: Standing) -> str:
    took = UNKNOWN if plan.started_at is None or plan.ended_at is None else duration(plan.ended_at - plan.started_at)
    if plan.state == PlanState.CANCELLED:
        return f"Cancelled. {goes.done} of {goes.total} VMs had left." if plan.started_at else "Discarded."
    foretold = "" if plan.expected_s is None else f"; {duration(plan.expected_s)} were foretold"
    return f"{goes.done} of {goes.total} VMs left. It took {took}{foretold}."


def _minutes(seconds: float) -> str:
    return duration(max(60.0, 60.0 * round(seconds / 60)))


@register.filter
def destiny(move: PlanMove) -> str:
    """What becomes of it, in a few words: "to h2", "shut down", "stays"."""
    if move.action == PlanMove.Action.MIGRATE:
        return f"to {move.target}" if move.target else "nowhere to go"
    words = {"shutdown": "shut down", "suspend": "suspend", "leave": "stays", "ask": "ask", "start": "start again"}
    return words[move.action]


@register.filter
def told(move: PlanMove) -> str:
    """All that is known of it, for a pointer that rests."""
    state = PlanMoveState.of(move.state).label
    parts = [f"{move.vm}: {state}", destiny(move), move.because or move.why]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


@register.filter
def in_line(move: PlanMove) -> str:
    """Its migration's place in the queue: "3rd in line"; "" where it has none, or has left the queue."""
    waits = move.migration if move.migration and move.migration.state == MigrationState.QUEUED else None
    if waits is None:
        return ""
    return f"{ordinal(waits.queue_place)} in line" if waits.queue_place else "in the queue"


@register.filter
def summary(step: PlanStep) -> str:
    """What a step does, from its parameters: the command, the address, the question."""
    for name in ("command", "url", "question", "text"):
        if said := step.params.get(name):
            return str(said)[:300]
    return ""


@register.filter
def last_lines(output: str) -> str:
    """The end of what a step printed: enough to read, little enough to send at every change."""
    return output[-8000:]


@register.filter
def kinds(_row: Any) -> list[tuple[str, str]]:
    """What a step can be, for its form."""
    return list(PlanStep.Kind.choices)


@register.filter
def whens(_row: Any) -> list[tuple[str, str]]:
    """When a step can be, for its form."""
    return list(PlanStep.When.choices)


@register.filter
def terms_in_words(terms: Terms) -> list[tuple[str, str]]:
    """What terms say, as pairs of a word and a sentence."""
    orders = {
        Order.NAME: "by name",
        Order.FEWEST_VMS: "fewest VMs first",
        Order.LEAST_MEMORY: "least memory first",
        Order.LISTED: "as listed",
    }
    steps = [f"{PlanStep.Kind(step.kind).label}, {PlanStep.When(step.when).label.lower()}" for step in terms.steps]
    pairs = [
        ("Hosts at once", f"{terms.at_once}, {orders[terms.order]}"),
        ("Spare room", "one host may fail meanwhile (N+1)" if terms.keep_spare else "none is kept"),
        ("VMs that cannot move", "are shut down and started again" if terms.stop_unmovable else "block their host"),
        ("A host that is blocked", "is passed over" if terms.skip_blocked else "waits for a person"),
        ("Work", "; ".join(steps) or "none"),
        ("Afterwards", "the host is activated" if terms.follow is After.ACTIVATE else "it stays in maintenance"),
        ("VMs return", "yes, staggered" if terms.home else "no"),
        ("Migration policy", terms.migration_policy or "each VM’s own"),
        ("Report to", ", ".join(filter(None, (terms.report_mail, terms.report_webhook)))),
    ]
    return [(label, said) for label, said in pairs if said]
