"""A definition that libvirt leaves on the source: it could be started there, beside the guest that has moved."""

import logging
from typing import TYPE_CHECKING

from hosts.advance import note
from hosts.livemigration.recovery import Truth
from hosts.virt.errors import NoSuchDomain, VirtError
from hosts.virt.records import DomainState, DomainStatus

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)


def is_left(truth: Truth) -> bool:
    """Whether the source keeps a copy that is off. For some ms it always does; a daemon that was started anew in
    post-copy has forgotten that it was to undefine it, and keeps it for good (seen in the lab, bench-faults G05).
    """
    return isinstance(truth.source, DomainStatus) and truth.source.state is DomainState.SHUTOFF


def undefine(it: "Supervisor", truth: Truth) -> None:
    """Undefine it, where the destination is proved to have one of its own: exactly one host keeps it."""
    if not it.row.ours or not isinstance(truth.source, DomainStatus):
        return
    try:
        if not it.eyes.destination.domain(it.eyes.uuid).persistent:
            return
        it.guard()
        it.eyes.source.discard(it.eyes.uuid, seen=truth.source, definition=True)
    except NoSuchDomain:
        return  # libvirt was about to
    except VirtError as exc:
        log.warning("%s keeps a definition of %s: %s", it.row.source, it.row.vm, exc, extra={"action": "left_defined"})
        return
    because = f"The guest runs on {it.row.destination}; {it.row.source} had kept its definition, which is removed."
    note(it.row, field="definition", old=str(it.row.source), new="", because=because)
