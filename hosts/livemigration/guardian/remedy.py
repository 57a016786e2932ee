"""What an operator decided about two copies: looked at once more, then done. Drivers only, on a thread."""

from hosts.livemigration.guardian.copies import active, ticks
from hosts.livemigration.guardian.sight import ask
from hosts.livemigration.recovery import Seen
from hosts.models import Doubt
from hosts.virt.errors import VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainState, DomainStatus, PowerVerb

SUSPEND, END = Doubt.SUSPEND, Doubt.END


def remedy(pool: Pool, uuid: str, verb: str, *, here: str, other: str) -> str:
    """Do ``verb`` to the copy on the host with the URI ``here``; "" where it was done, else why not."""
    try:
        return _do(pool, uuid, verb, here=here, other=other)
    except VirtError as exc:
        return str(exc) or type(exc).__name__


def _do(pool: Pool, uuid: str, verb: str, *, here: str, other: str) -> str:
    if verb == SUSPEND:  # can be undone, so it needs nobody else's word
        seen = _ask(pool, here, uuid)
        if not isinstance(seen, DomainStatus) or not ticks(seen):
            return "This copy does not run."
        pool.get(here).power(uuid, PowerVerb.PAUSE)
        return ""
    beside, seen = _ask(pool, other, uuid), _ask(pool, here, uuid)
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


def _ask(pool: Pool, uri: str, uuid: str) -> Seen:
    """Raises VirtError where the host is silent: then nothing is resumed or ended anywhere."""
    return ask(pool.get(uri), uuid, with_job=False)[0]
