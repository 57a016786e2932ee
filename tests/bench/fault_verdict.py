"""After a trial: is there one copy, does it beat, is it defined once, and do row and inventory say so?"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from deploy.lab import LabError
from hosts.livemigration.request import RequestRefused
from hosts.models import VM
from hosts.states import VMState
from tests.bench.fault_processes import wait_for
from tests.bench.fault_stage import Stage
from tests.bench.fault_trial import Fault, Trial

#: after everything is mended, hosts and rows may take so long to agree, in seconds
SETTLE_S = 25.0


@dataclass(slots=True, kw_only=True)
class Result:
    """One run of one row. ``wrong``: every way in which the end differs from the table."""

    name: str
    state: str = ""
    because: str = ""
    wrong: list[str] = field(default_factory=list)
    lost: bool = False
    doubled: bool = False
    truth_s: float | None = None
    gap_s: float | None = None
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        return not (self.wrong or self.lost or self.doubled)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def run(stage: Stage, fault: Fault) -> Result:
    """Play one row on the stage, mend everything, judge. The stage is clear again afterwards, whatever happened."""
    began, result = time.monotonic(), Result(name=fault.name)
    try:
        stage.start()
        _play(stage, fault, result)
    except (AssertionError, LabError, RequestRefused) as exc:
        result.wrong.append(str(exc)[:3000])
    finally:
        stage.clear()
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _play(stage: Stage, fault: Fault, result: Result) -> None:
    trial = Trial(stage, fault)
    try:
        with stage.lab.watch(trial.vm.name) as watch:
            fault.play(trial)
            trial.final(fault.within_s)
            if fault.guest != "crashed":
                trial.rest(0.3)
        stage.mend()
        _judge(trial, result)
        result.gap_s = round(watch.longest_gap_s, 2)
        if fault.most_gap_s is not None and result.gap_s > fault.most_gap_s:
            result.wrong.append(f"the guest stood still for {result.gap_s} s, not {fault.most_gap_s} s at most")
    except AssertionError as exc:
        told = "\n".join(f"    {at - trial.story[0][0]:6.2f} {state}: {because}" for at, state, because in trial.story)
        heard = "\n".join(f"    {at - trial.events[0][0]:6.2f} {host} {what}" for at, host, what in trial.events)
        raise AssertionError(f"{exc}\n{told}\n{heard}") from exc
    finally:
        trial.close()


def _judge(trial: Trial, result: Result) -> None:
    fault, row = trial.fault, trial.row
    result.state, result.because, result.truth_s = row.state, row.because, trial.truth_s
    if trial.state is not fault.ends:
        result.wrong.append(f"the row says {row.state} ({row.because}), not {fault.ends}")
    if result.truth_s is None:
        result.wrong.append("the row never told the truth, or nothing was struck")
    where = {"source": ["h1"], "destination": ["h2"], "crashed": []}[fault.guest]
    wait_quietly(lambda: running(trial) == where and (fault.leftover or trial.lab.running_on(trial.vm.name) == where))
    copies, qemus = running(trial), trial.lab.running_on(trial.vm.name)
    result.doubled = len(copies) > 1 or (len(qemus) > 1 and not fault.leftover)
    if fault.guest != "crashed":
        result.lost = not copies or not _beats(trial)
        if result.lost:
            result.wrong.append(f"no heartbeat: {[_reason(trial, name).strip() for name in where]}")
    if copies != where:
        result.wrong.append(f"running on {copies}, not {where}")
    if qemus != where and not fault.leftover:
        result.wrong.append(f"a QEMU on {qemus}, not {where}")
    _judge_rows(trial, where, result)


def _judge_rows(trial: Trial, where: list[str], result: Result) -> None:
    def defined() -> list[str]:
        return [name for name in trial.lab.hosts if trial.vm.name in domains(trial, name, "--all", "--persistent")]

    wanted = trial.fault.defined
    wait_quietly(lambda: len(defined()) == wanted or trial.fault.leftover)
    places = defined()
    if (len(places) != wanted and not trial.fault.leftover) or (where and wanted == 1 and places != where):
        result.wrong.append(f"defined on {places}")
    if where:
        home = trial.stage.hosts[where[0]].pk
        wait_quietly(lambda: VM.objects.filter(pk=trial.vm.pk, host=home, state=VMState.UP).exists())
        vm = VM.objects.select_related("host").get(pk=trial.vm.pk)
        if vm.host_id != home or vm.state != VMState.UP:
            result.wrong.append(f"the inventory says {vm.state} on {vm.host}")


def wait_quietly(true: object, *, seconds: float = SETTLE_S) -> None:
    """Wait for it; what is still not so then is said by whoever looks next."""
    try:
        wait_for(true, seconds=seconds)  # type: ignore[arg-type]
    except AssertionError:
        return


def running(trial: Trial) -> list[str]:
    """The hosts that say that the guest's CPUs run there, and not as the half of a guest whose other half is gone."""
    return [
        name
        for name in trial.lab.hosts
        if trial.vm.name in domains(trial, name, "--state-running") and "post-copy" not in _reason(trial, name)
    ]


def domains(trial: Trial, host: str, *which: str) -> list[str]:
    return trial.lab.virsh(host, "list", "--name", *which, timeout_s=20).split()


def _reason(trial: Trial, host: str) -> str:
    return trial.lab.virsh(host, "domstate", trial.vm.name, "--reason", check=False, timeout_s=20)


def _beats(trial: Trial) -> bool:
    try:
        trial.lab.await_beat(trial.vm.name, timeout_s=15)
    except LabError:
        return False
    return True
