"""What an operator decided about two copies: looked at once more, then done. Drivers only, on a thread."""

from hosts.livemigration.guardian.copies import active, ticks
from hosts.livemigration.guardian.sight import ask
from hosts.livemigration.recovery import ABSENT, Seen
from hosts.models import Doubt
from hosts.virt.errors import VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainState, DomainStatus, PowerVerb

SUSPEND, END = Doubt.SUSPEND, Doubt.END


def remedy(pool: Pool, uuid: str, verb: str, *, here: str, other: str, other_off: bool = False) -> str:
    """Do ``verb`` to the copy on the host with the URI ``here``; "" where it was done, else why not.

    ``other_off``: a person states that the other host is switched off; what it says counts all the same, if it speaks.
    """
    try:
        return _do(pool, uuid, verb, here=here, other=other, other_off=other_off)
    except VirtError as exc:
        return str(exc) or type(exc).__name__


def _do(pool: Pool, uuid: str, verb: str, *, here: str, other: str, other_off: bool) -> str:
    if verb == SUSPEND:  # can be undone, so it needs nobody else's word
        seen = _ask(pool, here, uuid)
        if not isinstance(seen, DomainStatus) or not ticks(seen):
            return "This copy does not run."
        pool.get(here).power(uuid, PowerVerb.PAUSE)
        return ""
    beside, seen = _ask_other(pool, other, uuid, off=other_off), _ask(pool, here, uuid)
    alone = not isinstance(beside, DomainStatus) or not active(beside)
    if not isinstance(seen, DomainStatus) or not active(seen):
        return "There is no such copy any more."
    if verb == END:
        if alone:
            return "The other host has no copy any more: this is the only one, and is not ended."
        pool.get(here).discard(uuid, seen=seen, definition=pool.get(other).domain(uuid).persistent)
        return ""
    if not alone:
        return "The other host still has a copy: end that one first."
    if seen.state is not DomainState.PAUSED:
        return "This copy does not stand still."
    pool.get(here).power(uuid, PowerVerb.RESUME)
    return ""


def _ask_other(pool: Pool, uri: str, uuid: str, *, off: bool) -> Seen:
    try:
        return _ask(pool, uri, uuid)
    except VirtError:
        if off:
            return ABSENT
        raise


def _ask(pool: Pool, uri: str, uuid: str) -> Seen:
    """Raises VirtError where the host is silent: then nothing is resumed or ended anywhere."""
    return ask(pool.get(uri), uuid, with_job=False)[0]
