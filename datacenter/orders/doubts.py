"""What may be ordered about two copies of one VM: suspend, end or resume one of them. The guardian does it."""

from typing import Any

from django.db import transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.advance import note
from hosts.models import Doubt, Host


def remedy(user: Any, doubt: Doubt, verb: str, host: Host) -> Doubt:
    """Order ``verb`` (Doubt.REMEDIES) for the copy on ``host``. Forbidden, or Refused with the reason.

    The guardian looks at both hosts once more before it does it, and refuses where that no longer makes sense.
    """
    require(user, Verb.OPERATE, doubt.vm, order=f"{verb}_copy")
    try:
        with transaction.atomic():
            row = Doubt.objects.select_for_update(of=("self",)).select_related("vm").get(pk=doubt.pk)
            _check(row, verb, host)
            row.remedy, row.remedy_host, row.remedy_by, row.remedy_error = verb, host, user.get_username(), ""
            row.save(update_fields=["remedy", "remedy_host", "remedy_by", "remedy_error"])
            because = f"{verb.capitalize()} the copy on {host}."
            note(row.vm, field="doubt", old="opened", new=verb, because=because, actor=row.remedy_by)
            audit.record(user, f"{verb}_copy", row.vm, detail=because)
            feed.changed("vm", row.vm_id)
    except Refused as exc:
        audit.record(user, f"{verb}_copy", doubt.vm, detail=str(exc), refused=True)
        raise
    return row


def _check(doubt: Doubt, verb: str, host: Host) -> None:
    if verb not in Doubt.REMEDIES:
        raise Refused(f"There is no remedy “{verb}”.")
    if host.pk not in (doubt.first_id, doubt.second_id):
        raise Refused(f"{host} has no copy of {doubt.vm}.")
    if doubt.resolved_at is not None:
        raise Refused("This doubt is resolved already.")
    if doubt.remedy and not doubt.remedy_error:
        raise Refused("Another remedy is under way; wait for how it ends.")
