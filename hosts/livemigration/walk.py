"""The walker: one function a state. Each does what is due and says in how many seconds it wants to be called again."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hosts import feed
from hosts.livemigration import checking, ends, offline
from hosts.livemigration.admission import admit_now
from hosts.livemigration.begin import begin
from hosts.livemigration.forecast.records import LONG_S, SHORT_S
from hosts.livemigration.foretold import keep_expected
from hosts.livemigration.measure import matters
from hosts.livemigration.words import speed
from hosts.models import VM, Migration
from hosts.states import MigrationState
from hosts.virt.errors import HostLost, VirtError
from hosts.virt.records import JobType

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)

#: between two readings of a running job, in seconds: 5 Hz; libvirt's own rates are 100 ms windows
TICK_S = 0.2
#: how long hosts that do not answer are asked again before anything was started, in seconds
PATIENCE_S = 10.0


def on_queued(it: "Supervisor") -> float:
    """Nobody starts out of turn: the queue says when."""
    admit_now()
    it.reload()
    return 1.0 if it.state is MigrationState.QUEUED else 0.0


def on_checking(it: "Supervisor") -> float:
    """Both hosts are asked whether it can be. Nothing was started, so any refusal ends it safely; where the source
    has no objection, another destination may do.
    """
    objection, everywhere = "", False
    try:
        objection = checking.at_source(it)
        everywhere = bool(objection)
        if not objection:
            objection, everywhere = checking.refusals(it)
    except HostLost as exc:
        if it.clock.now() - it.row.state_since < timedelta(seconds=PATIENCE_S):
            return 1.0
        objection = f"A host did not answer: {exc}"
    except VirtError as exc:
        objection = str(exc)
    if objection and everywhere:
        it.move(MigrationState.FAILED, because=objection)
    elif objection:
        it.fail_safely(objection)
    elif it.row.offline:
        offline.start(it)
    else:
        it.move(MigrationState.MEASURING, because="Both hosts agree.")
    return 0.0


def on_measuring(it: "Supervisor") -> float:
    """The guest's dirty rate, for the record and the forecast; then the call, after its row."""
    try:
        if it.measurement is None:
            return _measure(it, SHORT_S)
        if not it.measurement.over:
            return TICK_S
        if it.measurement.error is not None:
            raise it.measurement.error
        because = _keep_rate(it)
        if it.row.dirty_rate_long_before is None and _long_matters(it):
            return _measure(it, LONG_S)
    except VirtError as exc:
        because = f"The dirty rate could not be measured: {exc}"
        log.info("No dirty rate of %s: %s", it.row.vm, exc, extra={"action": "dirty_rate_unknown"})
    keep_expected(it.row)
    if it.move(MigrationState.STARTING, because=because, started_at=it.clock.now()):
        begin(it)
    return 0.0


def _measure(it: "Supervisor", seconds: int) -> float:
    it.measure(seconds)
    return float(seconds)


def _keep_rate(it: "Supervisor") -> str:
    """Write the measured rate to the VM and to the migration, the short one or the long one; in words."""
    rate = it.measurement.value if it.measurement else None
    assert rate is not None
    is_long = rate.period_s >= LONG_S
    name = "dirty_rate_long" if is_long else "dirty_rate"
    measured: dict[str, Any] = {name: rate.bytes_per_s, f"{name}_at": rate.at}
    if not is_long:  # an older long one would not go with it
        measured |= {"dirty_rate_long": None, "dirty_rate_long_at": None}
    VM.objects.filter(pk=it.row.vm_id).update(**measured)
    setattr(it.row, f"{name}_before", rate.bytes_per_s)
    Migration.objects.filter(pk=it.row.pk).update(**{f"{name}_before": rate.bytes_per_s})
    feed.changed("vm", it.row.vm_id)
    over = f"Over {LONG_S} s it" if is_long else "It"
    return f"{over} dirties {speed(rate.bytes_per_s)}."


def _long_matters(it: "Supervisor") -> bool:
    """Whether f(T) needs its second point, at what this migration may take."""
    rate, cap = it.row.dirty_rate_before, it.row.bandwidth
    return rate is not None and matters(rate, None if cap is None else float(cap))


def on_starting(it: "Supervisor") -> float:
    return _watch(it, tick_s=0.1, look_s=0.5)


def on_copying(it: "Supervisor") -> float:
    delay = _watch(it, tick_s=TICK_S, look_s=1.0)
    if it.state is MigrationState.COPYING:
        it.helm.consult(it)
    return delay


def on_switching(it: "Supervisor") -> float:
    return _watch(it, tick_s=0.1, look_s=0.1)


def on_postcopy(it: "Supervisor") -> float:
    return _watch(it, tick_s=TICK_S, look_s=0.5)


def on_postcopy_paused(it: "Supervisor") -> float:
    return _watch(it, tick_s=1.0, look_s=1.0)


def on_confirming(it: "Supervisor") -> float:
    return _watch(it, tick_s=0.2, look_s=0.2)


def on_probing(it: "Supervisor") -> float:
    """Both hosts decide. Asked again more and more slowly, up to every 5 s: a dead one costs a deadline each time."""
    age = (it.clock.now() - it.row.state_since).total_seconds()
    pace = min(5.0, max(0.5, age / 4))
    return _watch(it, tick_s=pace, look_s=pace)


def _watch(it: "Supervisor", *, tick_s: float, look_s: float) -> float:
    """Read the job; and, where it is time or something happened, look at both hosts and follow what they say."""
    if it.row.offline:
        return offline.watch(it, tick_s)
    if it.look_due(look_s):
        ends.follow(it, it.look())
        return tick_s
    try:
        job = it.eyes.source.job_stats(it.eyes.uuid)
    except VirtError as exc:  # gone, or silent: only both hosts together tell which
        log.debug("No job of %s: %s", it.row, exc)
        it.look_soon()
        return 0.0
    it.keep(job)
    if job.type is not JobType.RUNNING:
        it.look_soon()
    return tick_s


WALK: dict[MigrationState, Callable[["Supervisor"], float]] = {
    MigrationState.QUEUED: on_queued,
    MigrationState.CHECKING: on_checking,
    MigrationState.MEASURING: on_measuring,
    MigrationState.STARTING: on_starting,
    MigrationState.COPYING: on_copying,
    MigrationState.SWITCHING: on_switching,
    MigrationState.POSTCOPY: on_postcopy,
    MigrationState.POSTCOPY_PAUSED: on_postcopy_paused,
    MigrationState.CONFIRMING: on_confirming,
    MigrationState.PROBING: on_probing,
}
