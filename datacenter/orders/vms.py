"""What may be ordered of a VM: power and migration."""

from typing import Any, TypedDict, Unpack

from django.db import transaction

from datacenter import audit, placement
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.models import VM, Host, Migration, Operation
from hosts.virt.records import PowerVerb


class MigrateOptions(TypedDict, total=False):
    """What the dialog's folded options hold; each may be left out."""

    bandwidth: int | None  # bytes/s
    max_downtime_ms: int | None
    postcopy_allowed: bool
    auto_converge: bool


def power(user: Any, vm: VM, verb: PowerVerb) -> Operation:
    """Order a power change. Forbidden, or Refused with the reason."""
    require(user, Verb.OPERATE, vm, order=verb.value)
    try:
        with transaction.atomic():
            operation = request_power(vm, verb, actor=user.get_username())
            audit.record(user, verb.value, vm)
    except PowerRefused as exc:
        audit.record(user, verb.value, vm, detail=str(exc), refused=True)
        raise Refused(str(exc)) from exc
    return operation


def migrate(user: Any, vm: VM, destination: Host | None = None, **options: Unpack[MigrateOptions]) -> Migration:
    """Order a migration to ``destination``, or to the best host if None. Forbidden, or Refused with the reason."""
    require(user, Verb.OPERATE, vm, order="migrate")
    try:
        chosen = _destination(vm, destination)
        with transaction.atomic():
            migration = request_migration(vm, chosen, actor=user.get_username(), **options)
            audit.record(user, "migrate", vm, detail=f"from {migration.source} to {chosen}")
    except (RequestRefused, Refused) as exc:
        audit.record(user, "migrate", vm, detail=str(exc), refused=True)
        raise Refused(str(exc), field=getattr(exc, "field", None)) from exc
    return migration


def _destination(vm: VM, wanted: Host | None) -> Host:
    """The host that was picked, if the rules allow it, else the best one."""
    judged = placement.candidates(vm)
    if wanted is None:
        if judged and judged[0].ok:
            return judged[0].host
        raise Refused(_nobody(judged), field="destination")
    candidate = next((each for each in judged if each.host.pk == wanted.pk), None)
    if candidate is None:
        raise Refused(f"{wanted} is in another data center than {vm}.", field="destination")
    if not candidate.ok:
        raise Refused(f"{wanted} cannot take {vm}: {candidate.reason} {candidate.remedy}".strip(), field="destination")
    return candidate.host


def _nobody(judged: list[placement.Candidate]) -> str:
    others = [f"{each.host}: {each.reason}" for each in judged if each.reason != "The VM is on this host."]
    return "No host can take it. " + (" ".join(others[:5]) or "Its data center has no other host.")
