"""Power verbs. The state is looked at first: libvirt's drivers differ in what they take for an error.

(QEMU's pauses a paused guest with success, the test driver's with an internal error.)
"""

from collections.abc import Callable

import libvirt

from hosts.virt.errors import WrongState
from hosts.virt.libvirt import words
from hosts.virt.records import DomainState, PowerVerb

_UP = frozenset({DomainState.RUNNING, DomainState.BLOCKED})
_ACTIVE = _UP | {DomainState.PAUSED, DomainState.SHUTDOWN, DomainState.PMSUSPENDED}

#: verb -> the states it may be given in, and the call
_VERBS: dict[PowerVerb, tuple[frozenset[DomainState], Callable[[libvirt.virDomain], object]]] = {
    PowerVerb.START: (frozenset({DomainState.SHUTOFF, DomainState.CRASHED}), lambda dom: dom.create()),
    PowerVerb.SHUTDOWN: (_UP | {DomainState.SHUTDOWN}, lambda dom: dom.shutdown()),
    PowerVerb.POWER_OFF: (_ACTIVE | {DomainState.CRASHED}, lambda dom: dom.destroy()),
    PowerVerb.REBOOT: (_UP, lambda dom: dom.reboot(0)),
    PowerVerb.PAUSE: (_UP, lambda dom: dom.suspend()),
    PowerVerb.RESUME: (frozenset({DomainState.PAUSED}), lambda dom: dom.resume()),
}

#: The source's half of a guest that runs on the destination: resume() here blocks for 30 s and then fails.
_HALVES = frozenset({"postcopy", "postcopy_failed"})


def act(dom: libvirt.virDomain, verb: PowerVerb) -> None:
    """Do it, or WrongState with a sentence."""
    status = words.status(*dom.state())
    allowed, call = _VERBS[verb]
    if status.state not in allowed:
        raise WrongState(f"The VM is {status.state}, so it cannot be asked to {verb.replace('_', ' ')}.")
    if verb == PowerVerb.RESUME and status.reason in _HALVES:
        raise WrongState("The VM is in post-copy: its other half runs on the destination and must not be resumed here.")
    call(dom)
