"""MEASURING: the guest's dirty rate, for the record and the forecast; then libvirt is asked to move it.

What was measured while it waited in the queue (ahead.py), or by a person a moment ago, is not measured again. A
person's move is measured before it starts, since its forecast is looked at. One of a drain that has its place at once
is not held up: it starts as soon as the host samples, and is measured while the destination prepares, which lasts
about as long (0.3 to 1.1 s); its forecast follows then.
"""

import logging
from typing import TYPE_CHECKING, Any

from hosts import feed
from hosts.livemigration import ahead, measure
from hosts.livemigration.begin import begin
from hosts.livemigration.forecast.records import LONG_S, SHORT_S
from hosts.livemigration.foretold import keep_expected
from hosts.livemigration.words import speed
from hosts.models import VM, Migration, Priority
from hosts.states import MigrationState
from hosts.virt.errors import VirtError
from hosts.virt.records import DirtyRate

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)

#: how often it is looked whether a measurement is over, in seconds
TICK_S = 0.1


def on_measuring(it: "Supervisor") -> float:
    """Measure what is not known yet; then the row, then the call, and the forecast while libvirt prepares."""
    try:
        if it.measurement is None:
            if ahead.is_measured(it.row.pk):
                return TICK_S  # it is being measured since before it had its place
            because = _take_known(it)
        elif it.sampling and _starts_beside(it):
            return _start(it, f"It is measured while {it.row.destination} prepares.")
        elif not it.measurement.over:
            return TICK_S
        elif it.measurement.error is not None:
            raise it.measurement.error
        else:
            assert it.measurement.value is not None
            because = _keep_rate(it, it.measurement.value)
        if it.row.dirty_rate_before is None:
            return _measure(it, SHORT_S)
        if it.row.dirty_rate_long_before is None and _long_matters(it):
            return _measure(it, LONG_S)
    except VirtError as exc:
        because = f"The dirty rate could not be measured: {exc}"
        log.info("No dirty rate of %s: %s", it.row.vm, exc, extra={"action": "dirty_rate_unknown"})
    return _start(it, because)


def take_late(it: "Supervisor") -> None:
    """What was measured beside the start, once it is there."""
    measured = it.measurement
    if measured is None or not measured.over or it.row.dirty_rate_before is not None:
        return
    it.measurement = None
    if measured.value is None:
        log.info("No dirty rate of %s: %s", it.row.vm, measured.error, extra={"action": "dirty_rate_unknown"})
        return
    _keep_rate(it, measured.value)
    keep_expected(it.row)


def _start(it: "Supervisor", because: str) -> float:
    if it.move(MigrationState.STARTING, because=because, started_at=it.clock.now()):
        begin(it)
        keep_expected(it.row)
    return 0.0


def _starts_beside(it: "Supervisor") -> bool:
    return it.row.priority != Priority.PERSON and it.row.dirty_rate_before is None


def _measure(it: "Supervisor", seconds: int) -> float:
    it.measure(seconds)
    return TICK_S if _starts_beside(it) else float(seconds)


def _take_known(it: "Supervisor") -> str:
    """Write a fresh measurement to the migration; in words, "" where there is none."""
    vm = VM.objects.get(pk=it.row.vm_id)
    known = measure.fresh(vm, now=it.clock.now(), cap=it.row.bandwidth)
    if known.short is None:
        return ""
    _write(it, dirty_rate_before=known.short, dirty_rate_long_before=known.long)
    over = "" if known.long is None else f"; over {LONG_S} s, {speed(known.long)}"
    return f"Measured {known.age_s:.0f} s before: it dirties {speed(known.short)}{over}."


def _keep_rate(it: "Supervisor", rate: DirtyRate) -> str:
    """Write the measured rate to the VM and to the migration, the short one or the long one; in words."""
    is_long = rate.period_s >= LONG_S
    name = "dirty_rate_long" if is_long else "dirty_rate"
    measured: dict[str, Any] = {name: rate.bytes_per_s, f"{name}_at": rate.at}
    if not is_long:  # an older long one would not go with it
        measured |= {"dirty_rate_long": None, "dirty_rate_long_at": None}
    VM.objects.filter(pk=it.row.vm_id).update(**measured)
    _write(it, **{f"{name}_before": rate.bytes_per_s})
    feed.changed("vm", it.row.vm_id)
    over = f"Over {LONG_S} s it" if is_long else "It"
    return f"{over} dirties {speed(rate.bytes_per_s)}."


def _write(it: "Supervisor", **rates: float | None) -> None:
    for name, value in rates.items():
        setattr(it.row, name, value)
    Migration.objects.filter(pk=it.row.pk).update(**rates)


def _long_matters(it: "Supervisor") -> bool:
    """Whether f(T) needs its second point, at what this migration may take."""
    rate, cap = it.row.dirty_rate_before, it.row.bandwidth
    return rate is not None and measure.matters(rate, None if cap is None else float(cap))
