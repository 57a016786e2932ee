"""The rows of hosts: answering, lost, silent; and the fate that their VMs share."""

import logging

from django.utils import timezone

from hosts import feed
from hosts.advance import advance, note
from hosts.models import VM, Host
from hosts.states import HostState, VMState
from hosts.telemetry import clean
from hosts.telemetry.facts import differing, host_columns
from hosts.virt.records import HostFacts

log = logging.getLogger(__name__)

_WAITING = (HostState.CONNECTING, HostState.NON_RESPONSIVE)


def twin(row: Host, facts: HostFacts) -> Host | None:
    """Another row that is this very machine, perhaps under another address."""
    return Host.objects.filter(uuid=clean.uuid(facts.uuid)).exclude(pk=row.pk).first()


def learn(row: Host, facts: HostFacts) -> None:
    """What the host is. Its state is left alone."""
    changed = differing(row, host_columns(facts))
    uuid = clean.uuid(facts.uuid)
    if uuid and uuid != str(row.uuid):
        changed["uuid"] = uuid
        if row.uuid:
            # without SMBIOS libvirtd makes up a new UUID at each start: odd, and no reason to refuse the host
            note(row, field="uuid", old=str(row.uuid), new=uuid, because="Another host UUID answers at its address.")
    if changed:
        Host.objects.filter(pk=row.pk).update(**changed)
        for name, value in changed.items():
            setattr(row, name, value)
        feed.changed("host", row.pk)


def answered(row: Host) -> None:
    """It was read whole: up, unless somebody keeps it in (or on its way into) maintenance."""
    now = timezone.now()
    if row.off_stated_at is not None:
        _take_back_off(row)
    if row.state in _WAITING:
        advance(row, HostState.UP, because="It answers", error="", answered_at=now)
        return
    if Host.objects.filter(pk=row.pk).exclude(error="").update(error=""):
        feed.changed("host", row.pk)
    Host.objects.filter(pk=row.pk).update(answered_at=now)


def _take_back_off(row: Host) -> None:
    """A person said that it is switched off. It answers: what its VMs do is read anew."""
    if Host.objects.filter(pk=row.pk, off_stated_at__isnull=False).update(off_stated_at=None, off_stated_by=""):
        because = f"It answers; {row.off_stated_by} had stated that it is switched off."
        note(row, field="off", old="stated", new="", because=because)
        log.warning("%s: %s", row, because, extra={"action": "host_off_taken_back", "host": row.pk})
        feed.changed("host", row.pk)
    row.off_stated_at, row.off_stated_by = None, ""


def lost(pk: int, reason: str) -> None:
    """It does not answer at this moment: connecting. In maintenance it may well be switched off, and stays that."""
    row = Host.objects.filter(pk=pk).first()
    if row is None:
        return
    error = clean.line(reason, 500)
    if row.state == HostState.UP and advance(row, HostState.CONNECTING, because=error, error=error):
        return
    if row.error != error:
        Host.objects.filter(pk=pk).update(error=error)
        feed.changed("host", pk)


def silent(pk: int, *, seconds: float) -> None:
    """No answer for ``seconds``: non-responsive, and nobody knows what its VMs do."""
    row = Host.objects.filter(pk=pk).first()
    if row is None:
        return
    because = f"No answer for {seconds:g} s" + (f": {row.error}" if row.error else "")
    if row.state in (HostState.CONNECTING, HostState.UP):
        advance(row, HostState.NON_RESPONSIVE, because=because)
    if row.off_stated_at is not None:
        return  # a person knows what nobody else can: nothing runs there
    known = VM.objects.filter(host=row).exclude(state__in=(VMState.UNKNOWN, VMState.MISSING))
    for vm in known.defer("xml", "description"):
        advance(vm, VMState.UNKNOWN, because=f"Its host {row} does not answer.")
