"""Who is behind what a host says of a VM: an order of ours that is under way or just ended, or nobody here."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from hosts.models import VM, Migration, Operation
from hosts.recording import GODWIT, OUTSIDE
from hosts.states import OPEN_MIGRATION, OperationState, VMState

#: what is seen so long after an order ended still comes from it: a guest takes its time to shut down
STILL = timedelta(minutes=3)
_OPEN_OPERATION = (OperationState.QUEUED, OperationState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The actor, and the order that the change belongs to; None: to none."""

    actor: str
    order: UUID | None = None


def of(vm: VM, state: VMState) -> Origin:
    """Whose doing it is that ``vm`` is seen in ``state``. At most two queries."""
    if state in (VMState.MISSING, VMState.UNKNOWN) or vm.state in (VMState.MISSING, VMState.UNKNOWN):
        return Origin(actor=GODWIT)  # we stopped or began to see it; nobody did anything to it
    since = timezone.now() - STILL
    power = Operation.objects.filter(vm=vm.pk).exclude(verb=Operation.MEASURE)
    recent = power.filter(Q(state__in=_OPEN_OPERATION) | Q(state_since__gte=since)).order_by("-requested_at").first()
    moves = Migration.objects.filter(Q(state__in=OPEN_MIGRATION) | Q(ended_at__gte=since), vm=vm.pk, ours=True)
    ordered = recent or moves.order_by("-requested_at").only("requested_by", "correlation").first()
    return Origin(actor=ordered.requested_by, order=ordered.correlation) if ordered else Origin(actor=OUTSIDE)
