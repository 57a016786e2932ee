"""Domains that Godwit has never seen become rows, all of a host in one statement."""

import logging

from django.db import transaction

from hosts import feed
from hosts.advance import GODWIT
from hosts.models import VM, Host, Transition
from hosts.telemetry import clean
from hosts.telemetry.facts import vm_columns
from hosts.telemetry.whereabouts import ACTIVE, vm_state
from hosts.virt.clock import WALL
from hosts.virt.records import DomainFacts

log = logging.getLogger(__name__)


def add(pk: int, told: dict[str, DomainFacts]) -> None:
    """Make rows for those domains of ``told`` (by UUID) that have none."""
    known = {str(uuid) for uuid in VM.objects.filter(uuid__in=told).values_list("uuid", flat=True)}
    fresh = {uuid: facts for uuid, facts in told.items() if uuid not in known}
    if not fresh:
        return
    host = Host.objects.get(pk=pk)
    with transaction.atomic():
        # another collector may see the same domain at this moment on another host: one row, whoever is first
        VM.objects.bulk_create([_row(host, uuid, facts) for uuid, facts in fresh.items()], ignore_conflicts=True)
        rows = list(VM.objects.filter(uuid__in=fresh, host=host).only("pk", "name", "state"))
        Transition.objects.bulk_create([_first(row, host) for row in rows])
        for row in rows:
            feed.changed("vm", row.pk)
        feed.changed("host", host.pk)
    log.info("%d VMs were first seen on %s", len(rows), host, extra={"action": "vms_first_seen", "count": len(rows)})


def _row(host: Host, uuid: str, facts: DomainFacts) -> VM:
    state = vm_state(facts.status)
    return VM(
        uuid=uuid,
        host=host,
        state=state,
        reason=clean.line(facts.status.reason, 40),
        up_since=WALL.now() if state in ACTIVE else None,
        **vm_columns(facts),
    )


def _first(row: VM, host: Host) -> Transition:
    return Transition(
        noun="vm", row=row.pk, name=str(row)[:300], field="state", old="", new=row.state,
        because=f"First seen on {host}", actor=GODWIT,
    )  # fmt: skip
