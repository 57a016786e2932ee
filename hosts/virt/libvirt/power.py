"""Power verbs. The state is looked at first: libvirt's drivers differ in what they take for an error.

(QEMU's pauses a paused guest with success, the test driver's with an internal error.)
"""

from collections.abc import Callable

import libvirt

from hosts.virt.errors import WrongState
from hosts.virt.libvirt import words
from hosts.virt.records import DomainState, DomainStatus, PowerVerb

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
    PowerVerb.SUSPEND: (_UP, lambda dom: dom.managedSave(0)),
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


#: what libvirt keeps beside a definition; firmware variables and the TPM's state are the guest's own, and stay
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
)


def discard(dom: libvirt.virDomain, *, seen: DomainStatus, definition: bool) -> None:
    """End this copy if it is still as it was seen. destroy() takes up to 2 s (migration.md H13)."""
    status = words.status(*dom.state())
    if status != seen:
        raise WrongState(f"The copy is {status.state} ({status.reason}) now, and was {seen.state} ({seen.reason}).")
    persistent = bool(dom.isPersistent())
    if status.state in _ACTIVE:
        dom.destroy()
    if definition and persistent:
        _undefine(dom)


def _undefine(dom: libvirt.virDomain) -> None:
    """The daemon may have done it by itself, as its own migration's end."""
    try:
        dom.undefineFlags(_UNDEFINE)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
