"""A person's word that a silent host is switched off: what Godwit cannot know by itself, and may not assume.

While a host is silent its VMs are unknown, and nothing of them is started, resumed or ended anywhere. Who has pulled
the plug, or sees that it is pulled, may say so; then nothing runs there. The next answer of the host takes it back.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from hosts import feed
from hosts.advance import advance, note
from hosts.models import VM, Host
from hosts.states import HostState, VMState

#: a host that answered within this time is not to be called off: three beats
SILENT = timedelta(seconds=30)


class OffRefused(Exception):
    """It makes no sense now: a sentence for the person; nothing was changed."""


def state_off(host: Host, *, actor: str) -> list[VM]:
    """Keep the statement, and what follows from it: its unknown VMs, which are returned, are down. OffRefused."""
    with transaction.atomic():
        row = Host.objects.select_for_update(of=("self",)).get(pk=host.pk)
        _check(row)
        row.off_stated_at, row.off_stated_by = timezone.now(), actor
        row.save(update_fields=["off_stated_at", "off_stated_by"])
        because = f"{actor} states that {row} is switched off: nothing runs there."
        note(row, field="off", old="", new="stated", because=because, actor=actor)
        feed.changed("host", row.pk)
        gone = list(VM.objects.filter(host=row, state=VMState.UNKNOWN).defer("xml", "description"))
        for vm in gone:
            advance(vm, VMState.DOWN, because=because, actor=actor)
    return gone


def _check(row: Host) -> None:
    if row.off_stated_at is not None:
        raise OffRefused(f"{row} is stated to be switched off already, by {row.off_stated_by}.")
    answered = row.answered_at is not None and timezone.now() - row.answered_at < SILENT
    if row.state in (HostState.UP, HostState.CONNECTING) or answered:
        raise OffRefused(f"{row} answered a moment ago: it is not switched off. Its VMs may be running.")
