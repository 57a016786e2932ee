"""libvirt's callbacks -> DomainEvent. Callbacks run on the event loop's thread, so they only translate and hand on."""

import logging
from collections.abc import Callable
from typing import Any

import libvirt

from hosts.virt.clock import Clock
from hosts.virt.libvirt import stats, words
from hosts.virt.libvirt.xml import clean
from hosts.virt.records import DomainEvent, EventKind, JobStats

log = logging.getLogger(__name__)

Sink = Callable[[DomainEvent], None]


class EventSource:
    """The event registrations of one connection. What a daemon does not know is left out."""

    def __init__(self, conn: libvirt.virConnect, sink: Sink, clock: Clock) -> None:
        self._conn = conn
        self._sink = sink
        self._clock = clock
        self._ids: list[int] = []

    def start(self) -> None:
        """Register for all kinds. Takes a round trip each, so it runs on a worker thread."""
        for event_id, callback in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, self._reboot),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, self._device_added),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._device_removed),
            (libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, self._agent),
            (libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, self._iteration),
            (libvirt.VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, self._job_completed),
            (libvirt.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, self._balloon),
            (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self._metadata),
        ):
            try:
                self._ids.append(self._conn.domainEventRegisterAny(None, event_id, callback, None))
            except libvirt.libvirtError as exc:
                if exc.get_error_code() not in (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG):
                    raise
                log.info("The host sends no events of kind %d.", event_id, extra={"action": "event_unsupported"})

    def stop(self) -> None:
        """Deregister. Each registration holds the connection open: without this its socket would leak."""
        while self._ids:
            try:
                self._conn.domainEventDeregisterAny(self._ids.pop())
            except libvirt.libvirtError:
                continue  # a dead connection cannot be asked; libvirt has let go of its own side all the same

    def _send(self, dom: libvirt.virDomain, kind: EventKind, **more: Any) -> None:
        self._sink(DomainEvent(kind=kind, uuid=dom.UUIDString(), name=clean(dom.name()), at=self._clock.now(), **more))

    def _lifecycle(self, _conn: object, dom: libvirt.virDomain, event: int, detail: int, _opaque: object) -> None:
        self._send(dom, EventKind.LIFECYCLE, detail=words.lifecycle(event, detail))

    def _reboot(self, _conn: object, dom: libvirt.virDomain, _opaque: object) -> None:
        self._send(dom, EventKind.REBOOT)

    def _device_added(self, _conn: object, dom: libvirt.virDomain, alias: str, _opaque: object) -> None:
        self._send(dom, EventKind.DEVICE, detail=f"added/{clean(alias)}")

    def _device_removed(self, _conn: object, dom: libvirt.virDomain, alias: str, _opaque: object) -> None:
        self._send(dom, EventKind.DEVICE, detail=f"removed/{clean(alias)}")

    def _agent(self, _conn: object, dom: libvirt.virDomain, state: int, _reason: int, _opaque: object) -> None:
        self._send(dom, EventKind.AGENT, detail=words.agent(state))

    def _iteration(self, _conn: object, dom: libvirt.virDomain, iteration: int, _opaque: object) -> None:
        self._send(dom, EventKind.ITERATION, number=iteration)

    def _job_completed(self, _conn: object, dom: libvirt.virDomain, params: stats.Raw, _opaque: object) -> None:
        self._send(dom, EventKind.JOB_COMPLETED, job=self._final(params))

    def _final(self, params: stats.Raw) -> JobStats:
        # the event carries no job type: it comes for completed jobs, and "success" tells the others apart (6.3)
        number = libvirt.VIR_DOMAIN_JOB_COMPLETED if params.get("success", True) else libvirt.VIR_DOMAIN_JOB_FAILED
        return stats.job_stats({"type": number, **params}, self._clock.now())

    def _balloon(self, _conn: object, dom: libvirt.virDomain, actual_kib: int, _opaque: object) -> None:
        self._send(dom, EventKind.BALLOON, number=actual_kib * 1024)

    def _metadata(self, _conn: object, dom: libvirt.virDomain, _type: int, _uri: str, _opaque: object) -> None:
        self._send(dom, EventKind.METADATA)
