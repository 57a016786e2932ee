"""The last measurement of a VM's dirty rate, for the words beside its button."""

from dataclasses import dataclass
from datetime import timedelta

from django import template
from django.utils import timezone

from hosts.livemigration.measure import latest
from hosts.models import VM
from hosts.states import OperationState

register = template.Library()

#: a result this young has just come: the dialog reads its plan anew
_FRESH = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How it stands with it."""

    pk: int = 0
    because: str = ""
    under_way: bool = False
    failed: bool = False
    fresh: bool = False


@register.simple_tag
def measurement(vm: VM) -> Measurement:
    """One query."""
    last = latest(vm)
    if last is None:
        return Measurement()
    state, age = OperationState.of(last.state), timezone.now() - last.state_since
    return Measurement(
        pk=last.pk,
        because=last.because,
        under_way=not state.is_final,
        failed=state is OperationState.FAILED and age < timedelta(minutes=5),
        fresh=state is OperationState.DONE and age < _FRESH,
    )
