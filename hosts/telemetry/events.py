"""What an event makes us do: keep a moment, and ask. Its word alone decides nothing: the state read after it does."""

import logging

from hosts.telemetry import clean, passages
from hosts.telemetry.inventory import Inventory
from hosts.telemetry.sightings import Want
from hosts.virt.records import DomainEvent, EventKind

log = logging.getLogger(__name__)

#: what happened -> what is asked then; all others only ask for the state. The XML is read where it may have changed.
_XML_CHANGED = frozenset({"defined", "undefined", "started", "stopped"})
_ARRIVED = frozenset({"migrated", "postcopy"})


def handle(host: int, event: DomainEvent, inventory: Inventory) -> Want | None:
    """Write what must not wait, and say what to ask the host about this domain; None: nothing."""
    if clean.uuid(event.uuid) is None:
        return None
    said, key = f"{event.kind} {event.detail}".strip(), {"action": "domain_event", "row": host}
    log.debug("Host %d told of %s: %s at %s", host, event.uuid, said, event.at.isoformat(), extra=key)
    match event.kind:
        case EventKind.LIFECYCLE:
            return _lifecycle(host, event, inventory)
        case EventKind.DEVICE | EventKind.METADATA:
            return Want.FACTS
        case EventKind.REBOOT:
            inventory.rebooted(host, event.uuid, event.at)
        case EventKind.ITERATION:
            return None if passages.of_iteration(host, event) else Want.JOB
        case EventKind.JOB_COMPLETED:
            passages.of_completion(host, event)
        case _:
            pass  # the agent and the balloon: the beat tells what they change
    return None


def restarts_counters(event: DomainEvent) -> bool:
    """Whether a QEMU began or ended, so that its counters don't go with those before."""
    return event.kind is EventKind.LIFECYCLE and event.detail.partition("/")[0] in ("started", "stopped")


def _lifecycle(host: int, event: DomainEvent, inventory: Inventory) -> Want:
    happening, _, detail = event.detail.partition("/")
    if happening in ("suspended", "resumed"):
        passages.of_lifecycle(host, event)
    if happening == "started" and detail == "migrated":
        passages.arriving(host, event.uuid)
    elif happening == "started":
        inventory.booted(host, event.uuid, event.at)
    if happening in _XML_CHANGED or (happening == "resumed" and detail in _ARRIVED):
        return Want.FACTS
    return Want.STATUS
