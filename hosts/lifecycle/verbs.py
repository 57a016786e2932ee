"""What may be done to a VM's power, as a table: when each is allowed, its words, and the state it is to lead to."""

from dataclasses import dataclass

from hosts.states import VMState
from hosts.virt.records import PowerVerb


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb. ``done``: what libvirt's word that it was taken means, in words."""

    infinitive: str
    allowed: frozenset[VMState]
    done: str


_UP = frozenset({VMState.UP})
_DOWN = frozenset({VMState.DOWN, VMState.CRASHED})
_ACTIVE = frozenset({VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED})

VERBS: dict[PowerVerb, Verb] = {
    PowerVerb.START: Verb(infinitive="be started", allowed=_DOWN, done="Started."),
    PowerVerb.SHUTDOWN: Verb(
        infinitive="be shut down",
        allowed=_UP | {VMState.POWERING_DOWN},
        done="The guest was asked to shut down; whether and when it does is its own decision.",
    ),
    PowerVerb.POWER_OFF: Verb(infinitive="be powered off", allowed=_ACTIVE, done="Powered off."),
    PowerVerb.REBOOT: Verb(
        infinitive="be rebooted",
        allowed=_UP,
        done="The guest was asked to reboot; whether and when it does is its own decision.",
    ),
    PowerVerb.PAUSE: Verb(infinitive="be paused", allowed=_UP, done="Paused."),
    PowerVerb.RESUME: Verb(infinitive="be resumed", allowed=frozenset({VMState.PAUSED}), done="Resumed."),
    PowerVerb.SUSPEND: Verb(
        infinitive="be suspended to disk",
        allowed=_UP,
        done="Its memory is saved on its host; a start goes on from there.",
    ),
}
