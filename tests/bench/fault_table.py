"""The fault table of the study of live migration (sections 1.5 and 7), as it can be provoked in the lab."""

from hosts.models import Adjustment
from hosts.states import MigrationState
from tests.bench.fault_trial import AT_RESUMED, AT_SUSPENDED, ENDLESS, SMALL, Fault, Trial

S = MigrationState


def nothing(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike()
    t.finish()


# --- the worker among the victims -------------------------------------------------------------------------------
def worker_killed(t: Trial) -> None:
    t.begin()
    t.copying()
    _strike_worker(t, lambda worker: worker.kill())
    t.finish()


def _strike_worker(t: Trial, act: object) -> None:
    holder = t.row.lease_holder
    victim = next(each for each in t.stage.workers if holder.endswith(f":{each.pid}"))
    epoch = t.row.lease_epoch
    t.truth = lambda: t.row.lease_epoch > epoch and bool(t.row.lease_holder)
    t.strike(lambda: act(victim))  # type: ignore[operator]
    from tests.bench.fault_processes import wait_for

    wait_for(lambda: t.truth_at, seconds=25, what="another worker")


# --- daemons ----------------------------------------------------------------------------------------------------
def source_daemon_restarted(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike(t.kill_daemon("h1"))
    t.rest(3)
    t.lab.start_daemon("h1")


def destination_daemon_killed(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike(t.kill_daemon("h2"))
    t.reach(S.PROBING, S.FAILED)
    t.rest(3)
    t.lab.start_daemon("h2")


def destination_daemon_killed_at_resume(t: Trial) -> None:
    t.at(AT_RESUMED, t.kill_daemon("h2"))
    t.begin(slow=True, cap=None, max_downtime_ms=600)
    t.await_strike()
    t.rest(3)
    t.lab.start_daemon("h2")


# --- QEMU -------------------------------------------------------------------------------------------------------
def destination_qemu_killed(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike(lambda: t.lab.kill_guest(t.vm.name, "h2"))


def source_qemu_killed(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike(lambda: t.lab.kill_guest(t.vm.name, "h1"))


# --- orders -----------------------------------------------------------------------------------------------------
def cancelled(t: Trial) -> None:
    t.begin()
    t.copying()
    t.strike(lambda: t.adjust(Adjustment.CANCEL))


TABLE = (
    Fault(
        name="F00", what="nothing: the control", when="while memory is copied", play=nothing,
        says=(S.COPYING,), ends=S.DONE, guest="destination",
    ),
    Fault(
        name="F01", what="SIGKILL to the worker that drives it", when="while memory is copied", play=worker_killed,
        says=(S.COPYING,), ends=S.DONE, guest="destination", quick=True,
    ),
    Fault(
        name="F03", what="SIGKILL to the source's libvirtd, back after 3 s", when="while memory is copied",
        play=source_daemon_restarted, says=(S.PROBING,), ends=S.FAILED, guest="source", quick=True,
    ),
    Fault(
        name="F05", what="SIGKILL to the destination's libvirtd", when="while memory is copied",
        play=destination_daemon_killed, says=(S.PROBING,), ends=S.FAILED, guest="source", quick=True,
    ),
    Fault(
        name="F06", what="SIGKILL to the destination's QEMU", when="while memory is copied",
        play=destination_qemu_killed, ends=S.FAILED, guest="source", quick=True,
    ),
    Fault(
        name="F07", what="SIGKILL to the source's QEMU", when="while memory is copied",
        play=source_qemu_killed, ends=S.LOST, guest="crashed", quick=True,
    ),
    Fault(
        name="F10", what="the operator cancels", when="while memory is copied",
        play=cancelled, ends=S.CANCELLED, guest="source", quick=True,
    ),
    Fault(
        name="H05", what="SIGKILL to the destination's libvirtd", when="as the guest resumes there", load=SMALL,
        play=destination_daemon_killed_at_resume, says=(S.PROBING, S.CONFIRMING), ends=S.DONE, guest="destination",
    ),
)  # fmt: skip
