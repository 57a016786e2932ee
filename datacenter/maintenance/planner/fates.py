"""What becomes of one VM when its host is emptied, but for the place it goes to: its rule, a person's word, what it is.

Pure. Each answer has its light: green, yellow with what to know, red with what blocks and what would mend it.
"""

from dataclasses import dataclass

from datacenter.maintenance.planner.records import Action, Choice, Light, Refusal, VMFact

BY_HAND = "Move it by hand, shut it down for the time, suspend it, leave it, or skip the host."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """``action`` MIGRATE with a light that is not red: a place is still to be found."""

    action: Action
    light: Light = Light.GREEN
    why: str = ""
    remedy: str = ""


def fate(vm: VMFact, choice: Choice, *, stop_unmovable: bool) -> Fate:
    """What is done with it; MIGRATE still has to find a place."""
    if not vm.known:
        return _red(
            Action.ASK, "Its host does not answer: whether it runs is not known.", "Wait until the host answers."
        )
    if not vm.runs:
        return Fate(action=Action.LEAVE, why="It does not run, or shuts down by itself: nothing is to be done.")
    action = choice.action or vm.rule
    whose = "A person chose it" if choice.action else "Its rule for maintenance"
    if action is Action.MIGRATE:
        return Fate(action=action) if vm.fixed is None else unmovable(vm, vm.fixed, stop_unmovable=stop_unmovable)
    if action is Action.SHUTDOWN:
        return _stopped(vm, f"{whose}: it is shut down, and started again afterwards.")
    if action is Action.SUSPEND:
        return _suspended(vm, f"{whose}: it is suspended to disk, and resumed afterwards.")
    if action is Action.LEAVE:
        why = f"{whose}: it stays, and the host is not quite empty."
        return Fate(action=action, light=Light.YELLOW, why=why, remedy="It ends should the host be rebooted.")
    return _red(Action.ASK, "Its rule for maintenance asks a person.", "Choose what becomes of it.")


def unmovable(vm: VMFact, because: Refusal, *, stop_unmovable: bool) -> Fate:
    """It was to migrate and cannot: shut down where the plan allows it, else it blocks its host."""
    if stop_unmovable and vm.persistent:
        why = f"{because.reason} The plan shuts down what cannot move, and starts it again afterwards."
        return Fate(action=Action.SHUTDOWN, light=Light.YELLOW, why=why, remedy=because.remedy)
    return _red(Action.MIGRATE, because.reason, f"{because.remedy} {BY_HAND}".strip())


def _stopped(vm: VMFact, why: str) -> Fate:
    if vm.persistent:
        return Fate(action=Action.SHUTDOWN, why=why)
    text = "It is transient: once shut down it would be gone, and nothing could start it again."
    return _red(Action.SHUTDOWN, text, "Make it persistent (virsh define), migrate it, or leave it.")


def _suspended(vm: VMFact, why: str) -> Fate:
    if not vm.persistent:
        text = "It is transient: libvirt suspends only a persistent VM to disk."
        return _red(Action.SUSPEND, text, "Make it persistent (virsh define), migrate it, or leave it.")
    if vm.unsaved:
        return _red(Action.SUSPEND, vm.unsaved, "Shut it down instead, or leave it.")
    return Fate(action=Action.SUSPEND, why=why)


def _red(action: Action, why: str, remedy: str) -> Fate:
    return Fate(action=action, light=Light.RED, why=why, remedy=remedy)
