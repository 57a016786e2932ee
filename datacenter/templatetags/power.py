"""A VM's buttons: what its last known state allows now, and why not. The order itself asks again."""

from dataclasses import dataclass, field

from django import template

from hosts.lifecycle.request import KEPT_FREE
from hosts.lifecycle.verbs import VERBS
from hosts.models import VM
from hosts.states import HostState, VMState
from hosts.virt.records import PowerVerb

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button; ``reason`` says why it can't be pressed now, "" if it can."""

    verb: str
    label: str
    icon: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buttons:
    """Migrate first, then what is harmless, the destructive one last."""

    migrate: Button
    destructive: Button
    plain: list[Button] = field(default_factory=list)


_FACES = {
    PowerVerb.START: ("Start", "play"),
    PowerVerb.SHUTDOWN: ("Shut down", "power"),
    PowerVerb.PAUSE: ("Pause", "pause"),
    PowerVerb.RESUME: ("Resume", "play"),
    PowerVerb.SUSPEND: ("Suspend to disk", "moon"),
    PowerVerb.REBOOT: ("Reboot", "rotate"),
    PowerVerb.POWER_OFF: ("Power off", "plug-off"),
}


@register.simple_tag
def buttons(vm: VM) -> Buttons:
    """Start or Shut down, Pause or Resume: of each pair the one that can be, so that the row stays short."""
    why = {verb: _why_not(vm, verb) for verb in PowerVerb}
    first = PowerVerb.START if vm.state in VERBS[PowerVerb.START].allowed else PowerVerb.SHUTDOWN
    second = PowerVerb.RESUME if vm.state == VMState.PAUSED else PowerVerb.PAUSE
    return Buttons(
        migrate=Button(verb="migrate", label="Migrate…", icon="migrate", reason=_why_not_migrate(vm)),
        plain=[_button(verb, why[verb]) for verb in (first, second, PowerVerb.REBOOT)],
        destructive=_button(PowerVerb.POWER_OFF, why[PowerVerb.POWER_OFF]),
    )


def _button(verb: PowerVerb, reason: str) -> Button:
    label, icon = _FACES[verb]
    return Button(verb=verb.value, label=label, icon=icon, reason=reason)


def _why_not(vm: VM, verb: PowerVerb) -> str:
    if reason := _out_of_reach(vm):
        return reason
    if verb is PowerVerb.START and vm.host.state in KEPT_FREE:
        return f"{vm.host} is {HostState.of(vm.host.state).label.lower()}: activate it first."
    state = VMState.of(vm.state)
    return "" if state in VERBS[verb].allowed else f"It is {state.label.lower()}: it cannot {VERBS[verb].infinitive}."


def _why_not_migrate(vm: VM) -> str:
    if reason := _out_of_reach(vm):
        return reason
    if vm.state in (VMState.UP, VMState.PAUSED, VMState.DOWN):
        return ""
    return f"It is {VMState.of(vm.state).label.lower()}: only a VM that runs, is paused or is down can be migrated."


def _out_of_reach(vm: VM) -> str:
    if getattr(vm, "open_migrations", None):
        return "It is being migrated."
    if vm.state == VMState.MISSING:
        return f"No host has it any more; it was last seen on {vm.host}."
    if vm.host.state in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
        return f"{vm.host} does not answer."
    return ""
