"""Is the host as it was before the work? Versions not older; memory, CPUs, networks, bridges and storage not less.

A host that has just booted brings its networks and storage up one after the other: what is missing may still come,
until the deadline.
"""

import re
from collections.abc import Iterator

from datacenter.maintenance.steps.before import Shape, look
from datacenter.maintenance.steps.fields import value
from datacenter.maintenance.steps.turn import Turn
from hosts.virt.errors import VirtError

_MIB = 1 << 20


def worse(before: Shape, now: Shape, *, memory_tolerance: float) -> Iterator[str]:
    """Each thing that is less than it was, in a sentence. ``memory_tolerance``: the share that may be gone (0 to 1)."""
    for name, old, new in (
        ("libvirt", before.libvirt_version, now.libvirt_version),
        ("QEMU", before.qemu_version, now.qemu_version),
    ):
        if _number(new) < _number(old):
            yield f"{name} is older: {new or 'not told'}, it was {old}."
    if (before.cpus or 0) > (now.cpus or 0):
        yield f"It has {now.cpus or 0} CPUs; it had {before.cpus}."
    if (before.memory_bytes or 0) * (1 - memory_tolerance) > (now.memory_bytes or 0):
        has, had = ((each.memory_bytes or 0) // _MIB for each in (now, before))
        yield f"It has {has} MiB of memory; it had {had} MiB."
    for noun, names, active in (
        ("network", before.networks, now.networks),
        ("bridge", before.bridges, now.bridges),
        ("storage pool", before.storage, now.storage),
    ):
        for name in sorted(set(names) - set(active)):
            yield f"The {noun} {name} is not active."


def otherwise(before: Shape, now: Shape) -> Iterator[str]:
    """What changed and is no fault: worth a line."""
    for name, old, new in (
        ("libvirt", before.libvirt_version, now.libvirt_version),
        ("QEMU", before.qemu_version, now.qemu_version),
        ("The CPU model", before.cpu_model, now.cpu_model),
    ):
        if old != new and new and _number(new) >= _number(old):
            yield f"{name}: {new}, it was {old or 'not told'}."


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version))


class Health:
    def begin(self, turn: Turn) -> None:
        if turn.begin("The host is compared with what it was.", deadline_s=float(value(turn.step, "deadline_s"))):
            self.go_on(turn)

    def go_on(self, turn: Turn) -> None:
        kept = turn.step.plan_host.before
        if not kept:
            turn.fail("What the host was like before the work was not kept, so nothing can be compared.")
            return
        before = Shape.from_json(kept)
        try:
            now = look(turn.host)
        except VirtError as exc:
            if turn.late:
                turn.fail(f"The host does not answer: {exc}")
            return
        tolerance = float(value(turn.step, "memory_tolerance_percent")) / 100
        faults = list(worse(before, now, memory_tolerance=tolerance))
        if not faults:
            self._well(turn, before, now)
        elif turn.late:
            for each in faults:
                turn.say(each)
            turn.fail(" ".join(faults))

    def _well(self, turn: Turn, before: Shape, now: Shape) -> None:
        for each in otherwise(before, now):
            turn.say(each)
        turn.done("Versions, CPUs, memory, networks, bridges and storage are as before, or better.")


KIND = Health()
