"""Doubts as rows: opened, told anew, resolved; and whether one stands in the way of an action."""

import logging
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosts import feed
from hosts.advance import note
from hosts.livemigration.guardian.notes import GUARDIAN
from hosts.models import VM, Doubt, Host

log = logging.getLogger(__name__)


def open_doubt(vm: VM, first: Host, second: Host, *, because: str, evidence: list[dict[str, Any]]) -> Doubt | None:
    """Raise the alarm; None where it is raised already."""
    if Doubt.objects.filter(vm=vm, resolved_at=None).exists():
        return None
    try:
        with transaction.atomic():
            doubt = Doubt.objects.create(vm=vm, first=first, second=second, because=because[:500], evidence=evidence)
            note(vm, field="doubt", old="", new="opened", because=because, actor=GUARDIAN)
            _tell(doubt)
    except IntegrityError:  # another guardian was faster
        return None
    log.error("Two copies of %s: %s", vm, because, extra={"action": "doubt_opened", "vm": vm.pk})
    return doubt


def renew_evidence(doubt: Doubt, evidence: list[dict[str, Any]]) -> None:
    """What the hosts say now. A host that is silent keeps what it said last."""
    before = {each["host"]: each for each in doubt.evidence}
    told = [each if each["seen_at"] else {**before.get(each["host"], each), "silent": True} for each in evidence]
    if told != doubt.evidence:
        Doubt.objects.filter(pk=doubt.pk).update(evidence=told)
        doubt.evidence = told
        feed.changed("vm", doubt.vm_id)


def resolve(doubt: Doubt, *, resolution: str, at: datetime | None = None) -> None:
    """One copy is left: start, resume and migrate are allowed again."""
    with transaction.atomic():
        done = Doubt.objects.filter(pk=doubt.pk, resolved_at=None).update(
            resolved_at=at or timezone.now(), resolution=resolution[:500], remedy=""
        )
        if not done:
            return
        note(doubt.vm, field="doubt", old="opened", new="resolved", because=resolution, actor=GUARDIAN)
        _tell(doubt)
    log.warning("The doubt about %s is over: %s", doubt.vm, resolution, extra={"action": "doubt_resolved"})


def _tell(doubt: Doubt) -> None:
    feed.changed("vm", doubt.vm_id)
    feed.changed("host", doubt.first_id)
    feed.changed("host", doubt.second_id)
