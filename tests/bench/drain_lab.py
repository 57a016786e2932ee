"""One real host emptied by Godwit, against the same guests moved by ``virsh migrate`` one after another, in one run."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GUESTS = 6
#: what each guest writes: it converges at once, so that the order of things is compared and not the guests
LOAD = {"memory_mb": 128, "dirty_mb": 16, "dirty_rate": 4, "pattern": "sequential"}
LONGEST_S = 300.0


def play_lab(guests: int = GUESTS) -> dict[str, float]:
    """``lab_vs_virsh``: Godwit's seconds from the order to the empty host, over virsh's. Django must be set up.

    ``lab_virsh_s`` and ``lab_godwit_s`` are both; LabError where the machine can make no lab.
    """
    with _stage() as stage:
        vms = [stage.guest(**LOAD) for _ in range(guests)]
        virsh_s = _by_virsh(stage, [vm.name for vm in vms])
        godwit_s = _by_godwit(stage)
    ratio = godwit_s / virsh_s
    print(f"lab: {guests} guests, virsh {virsh_s:.1f} s, Godwit {godwit_s:.1f} s: {ratio:.2f}", flush=True)
    return {"lab_vs_virsh": round(ratio, 3), "lab_virsh_s": round(virsh_s, 1), "lab_godwit_s": round(godwit_s, 1)}


@contextmanager
def _stage() -> Iterator["Stage"]:  # type: ignore[name-defined]  # noqa: F821 - Django is set up only later
    from deploy.lab import why_not
    from deploy.lab.sharing import own_lab
    from tests.bench.fault_stage import staged

    if reason := why_not():
        sys.exit(f"No lab on this machine: {reason}")
    with tempfile.TemporaryDirectory() as logs, own_lab() as lab, staged(lab, Path(logs)) as stage:
        yield stage
        stage.clear()


def _by_virsh(stage, names: list[str]) -> float:  # type: ignore[no-untyped-def]
    began = time.monotonic()
    for name in names:
        stage.lab.migrate(name, "h1", "h2")
    took = time.monotonic() - began
    for name in names:
        stage.lab.migrate(name, "h2", "h1")
    return took


def _by_godwit(stage) -> float:  # type: ignore[no-untyped-def]
    from datacenter.access import SHELL
    from datacenter.maintenance import orders
    from hosts.models import VM, Host, Migration
    from hosts.states import OPEN_MIGRATION, HostState, VMState
    from tests.bench.fault_processes import wait_for

    home = Host.objects.get(name="h1")
    away = VM.objects.exclude(host=home, state=VMState.UP)
    wait_for(lambda: not away.exists(), seconds=60, what="all guests seen on h1 again")
    wait_for(
        lambda: not Migration.objects.filter(state__in=OPEN_MIGRATION).exists(), seconds=60, what="virsh's moves to end"
    )
    began = time.monotonic()
    orders.to_maintenance(SHELL, [home], "bench")
    empty = Host.objects.filter(pk=home.pk, state=HostState.MAINTENANCE)
    wait_for(empty.exists, seconds=LONGEST_S, what=lambda: list(Migration.objects.values_list("state", "because")))
    return time.monotonic() - began
