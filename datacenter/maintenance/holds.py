"""Taking and giving back the hosts of a plan. One plan a host: the database decides, not a look before."""

from django.db import IntegrityError, transaction

from datacenter.models.plan import HostHold, Plan
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.states import PlanHostState


def take(plan: Plan) -> None:
    """Hold every host of the plan that is not done with, in the caller's transaction. Refused: another plan has one."""
    over = (PlanHostState.SKIPPED, PlanHostState.CANCELLED, PlanHostState.DONE)
    for row in plan.hosts.exclude(state__in=over).select_related("host").order_by("host_id"):  # one order for all
        try:
            with transaction.atomic():
                HostHold.objects.get_or_create(host=row.host, plan=plan)
        except IntegrityError as exc:
            other = HostHold.objects.select_related("plan").filter(host=row.host).first()
            name = f"the plan “{other.plan}”" if other else "another plan"
            raise Refused(
                f"{row.host} is held by {name}; a host belongs to one plan at a time.", field="hosts"
            ) from exc
        feed.changed("host", row.host_id)


def release(plan: Plan, *, host: int | None = None) -> None:
    """Give back all its hosts, or one."""
    holds = HostHold.objects.filter(plan=plan)
    if host is not None:
        holds = holds.filter(host=host)
    for pk in holds.values_list("host_id", flat=True):
        feed.changed("host", pk)
    holds.delete()
