"""Old entries go, from the chain's beginning only; where it was cut is signed, so that the rest still verifies."""

import logging
from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import connection, transaction
from django.db.models import Min

from hosts import recording
from hosts.models import Checkpoint, Event, EventKind, Severity
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

#: rounds of the sealing, of a second each
EVERY_ROUNDS = 3600
#: entries cut in one transaction
MOST = 10_000


def cut(*, clock: Clock = WALL, keep_days: int | None = None, most: int = MOST) -> int:
    """Cut what is older than GODWIT_EVENTS_KEEP_DAYS (0: nothing is ever cut); how many entries went."""
    days = settings.EVENTS_KEEP_DAYS if keep_days is None else keep_days
    if days <= 0:
        return 0
    limit, total = clock.now() - timedelta(days=days), 0
    sealed = Event.objects.exclude(number=None)
    younger = sealed.filter(at__gte=limit).aggregate(first=Min("number"))["first"]
    last = younger - 1 if younger else sealed.order_by("-number").values_list("number", flat=True).first()
    while last and (gone := _cut(last, most)):
        total += gone
    return total


def _cut(last: int, most: int) -> int:
    """Cut the oldest ``most`` entries up to number ``last``, and leave a checkpoint; one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        old = list(Event.objects.filter(number__lte=last).order_by("number")[:most])
        if not old:
            return 0
        end = old[-1]
        assert end.number is not None
        cursor.execute("SET LOCAL godwit.events = 'retention'")
        cursor.execute("DELETE FROM hosts_event WHERE number <= %s", [end.number])
        cursor.execute("SET LOCAL godwit.events = ''")
        point = Checkpoint.objects.create(
            number=end.number, seal=end.seal, signature=sign(end.number, end.seal), count=len(old)
        )
        because = f"{len(old)} entries, the last of {end.at:%Y-%m-%d}, are older than what is kept."
        recording.write(
            point, actor=recording.GODWIT, kind=EventKind.SECURITY, severity=Severity.NOTICE, verb="cut_events",
            because=because,
        )  # fmt: skip
    log.info("Events up to number %d were cut.", end.number, extra={"action": "events_cut", "number": end.number})
    return len(old)


def sign(number: int, seal: str) -> str:
    """Godwit's word that it cut here: made with the installation's secret key."""
    return _signer().signature(f"{number} {seal}")


def is_ours(point: Checkpoint) -> bool:
    """Whether Godwit itself cut there (also under a key of before: SECRET_KEY_FALLBACKS)."""
    try:
        _signer().unsign(f"{point.number} {point.seal}:{point.signature}")
    except BadSignature:
        return False
    return True


def _signer() -> Signer:
    return Signer(salt="hosts.chain.retention")
