"""A host as one cell of a small multiple: coloured by CPU load, as high as its memory is used."""

from dataclasses import dataclass

from django import template
from django.db.models import Sum

from datacenter.templatetags.godwit import state
from datacenter.units import UNKNOWN, percent
from hosts.models import VM, Host
from hosts.states import VMState

register = template.Library()

#: CPU percent from which a cell is one step darker; the last two change the hue
STEPS = (10, 30, 55, 75, 90)
_ROOM = 30.0  # the height of a full cell, in units of its viewBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What hosts/_cell.html draws; lengths are units of its viewBox."""

    classes: str
    title: str
    load: int
    top: str
    height: str


@register.simple_tag
def cell(host: Host) -> Cell:
    """CPU 60 % and memory half used -> load 3, height 15."""
    look = state(host)
    used = _used_share(host)
    height = max(1.5, _ROOM * (used or 0.0))
    cpu = percent(host.cpu_percent)
    memory = UNKNOWN if used is None else percent(100 * used)
    return Cell(
        classes=look.colour,
        title=f"{host.name}: {look.label}, CPU {cpu}, memory {memory}",
        load=sum((host.cpu_percent or 0.0) >= step for step in STEPS),
        top=f"{32 - height:.1f}",
        height=f"{height:.1f}",
    )


@register.simple_tag
def promised(host: Host) -> int:
    """The memory of all its VMs that are not down, in bytes. One query."""
    gone = [VMState.DOWN.value, VMState.MISSING.value]
    total: int | None = (
        VM.objects.filter(host=host).exclude(state__in=gone).aggregate(bytes=Sum("memory_bytes"))["bytes"]
    )
    return total or 0


def _used_share(host: Host) -> float | None:
    if not host.memory_bytes or host.memory_free_bytes is None:
        return None
    return min(1.0, max(0.0, 1 - host.memory_free_bytes / host.memory_bytes))
