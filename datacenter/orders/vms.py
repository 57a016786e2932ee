"""What may be ordered of a VM: power and migration."""

from typing import Any, Unpack

from django.db import transaction

from datacenter import audit, placement
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.measure import MeasureRefused, request_measurement
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.livemigration.terms import Asked
from hosts.models import VM, Host, MaintenanceRule, Migration, MigrationMode, Operation
from hosts.virt.records import PowerVerb


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


def measure(user: Any, vm: VM) -> Operation:
    """Order a measurement of the VM's dirty rate. Forbidden, or Refused with the reason."""
    require(user, Verb.OPERATE, vm, order="measure")
    try:
        with transaction.atomic():
            operation = request_measurement(vm, actor=user.get_username())
            audit.record(user, "measure", vm)
    except MeasureRefused as exc:
        audit.record(user, "measure", vm, detail=str(exc), refused=True)
        raise Refused(str(exc)) from exc
    return operation


def migrate(user: Any, vm: VM, destination: Host | None = None, **options: Unpack[Asked]) -> Migration:
    """Order a migration to ``destination``, or to the best host if None. Forbidden, or Refused with the reason."""
    require(user, Verb.OPERATE, vm, order="migrate")
    try:
        chosen, *others = _destinations(vm, destination)
        with transaction.atomic():
            migration = request_migration(vm, chosen, actor=user.get_username(), alternatives=others, **options)
            audit.record(user, "migrate", vm, detail=f"from {migration.source} to {chosen}")
    except (RequestRefused, Refused) as exc:
        audit.record(user, "migrate", vm, detail=str(exc), refused=True)
        raise Refused(str(exc), field=getattr(exc, "field", None)) from exc
    return migration


def set_rules(user: Any, vm: VM, *, maintenance_rule: str, migration_mode: str) -> None:
    """Say what maintenance does with a VM, and who may move it. Forbidden, or Refused. Plans that are computed from
    now on go by it; what runs already goes on.
    """
    require(user, Verb.OPERATE, vm, order="set_rules")
    if maintenance_rule not in MaintenanceRule.values:
        raise Refused(f"There is no rule “{maintenance_rule[:40]}”.", field="maintenance_rule")
    if migration_mode not in MigrationMode.values:
        raise Refused(f"There is no migration mode “{migration_mode[:40]}”.", field="migration_mode")
    with transaction.atomic():
        VM.objects.filter(pk=vm.pk).update(maintenance_rule=maintenance_rule, migration_mode=migration_mode)
        audit.record(user, "set_rules", vm, detail=f"maintenance: {maintenance_rule}, moved: {migration_mode}")
        feed.changed("vm", vm.pk)


def _destinations(vm: VM, wanted: Host | None) -> list[Host]:
    """The host that was picked, if the rules allow it, and no other; else those that can take it, best first."""
    judged = placement.keep_off(placement.candidates(vm))
    if wanted is None:
        if fit := [each.host for each in judged if each.ok]:
            return fit
        raise Refused(placement.nobody(judged), field="destination")
    candidate = next((each for each in judged if each.host.pk == wanted.pk), None)
    if candidate is None:
        raise Refused(f"{wanted} is in another data center than {vm}.", field="destination")
    if not candidate.ok:
        raise Refused(f"{wanted} cannot take {vm}: {candidate.reason} {candidate.remedy}".strip(), field="destination")
    return [candidate.host]
