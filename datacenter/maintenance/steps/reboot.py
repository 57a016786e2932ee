"""A reboot: ordered once, then looked for until another boot answers, and libvirt with it; or the deadline passes.

Which boot a host runs is told by the kernel's own boot id, over SSH; a simulated host is asked how long it is up.
"""

import logging
from datetime import timedelta
from typing import Protocol

from datacenter.maintenance.steps import keys
from datacenter.maintenance.steps.before import look
from datacenter.maintenance.steps.fields import value
from datacenter.maintenance.steps.keys import Target
from datacenter.maintenance.steps.shell import Run, ask
from datacenter.maintenance.steps.troubles import ShellTrouble
from datacenter.maintenance.steps.turn import Turn
from hosts.models import Host
from hosts.states import HostState
from hosts.virt.connect import connect, parse_uri
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainState
from hosts.virt.sim import door

log = logging.getLogger(__name__)

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_ASK_S = 8.0
_ORDER_S = 20.0
_DEADLINE_S = 5.0
#: two tellings of one boot's moment differ by rounding
_SAME_BOOT_S = 2.0


_AT_REST = frozenset({DomainState.SHUTOFF, DomainState.CRASHED, DomainState.NOSTATE})


class Reach(Protocol):
    """How a host's boot is told and its reboot ordered. Both raise ShellTrouble or VirtError: not reached."""

    def boot(self) -> str: ...

    def is_new(self, before: str, now: str) -> bool: ...

    def order(self) -> str:
        """Order it. A sentence if the host refused; "" where it did not."""


class OverSsh:
    """A real host."""

    def __init__(self, target: Target, command: str) -> None:
        self._target, self._command = target, command

    def boot(self) -> str:
        return ask(self._target, f"cat {BOOT_ID}", within_s=_ASK_S)

    def is_new(self, before: str, now: str) -> bool:
        return bool(now) and now != before

    def order(self) -> str:
        run = Run(self._target, self._command.replace("{host}", self._target.address))
        waited = 0.0
        while run.outcome is None and waited < _ORDER_S:
            run.read(1.0)
            waited += 1.0
        outcome = run.outcome or run.end()
        if outcome.trouble is not None:
            raise outcome.trouble
        # a connection that goes is what a reboot looks like
        return f"The reboot command ended with exit status {outcome.exit_status}." if outcome.exit_status else ""


class InTheSimulator:
    """A simulated host: ordered at the simulator's own door, as a person would."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def boot(self) -> str:
        driver = connect(self._host.uri, deadline_s=_DEADLINE_S)
        try:
            facts, stats = driver.host_facts(), driver.host_stats()
        finally:
            driver.close()
        up = timedelta(seconds=(stats.cpu_total_s or 0.0) / max(1, facts.cpus))
        return f"{(stats.at - up).timestamp():.3f}"

    def is_new(self, before: str, now: str) -> bool:
        return abs(float(now) - float(before)) > _SAME_BOOT_S

    def order(self) -> str:
        door.give(f"reboot {parse_uri(self._host.uri).host}")
        return ""


def reach(turn: Turn) -> Reach:
    """The way to this host. ShellTrouble where there is none."""
    if _is_simulated(turn.host):
        return InTheSimulator(turn.host)
    return OverSsh(keys.target(turn.host), str(value(turn.step, "command")))


def _is_simulated(host: Host) -> bool:
    return parse_uri(host.uri).kind == "sim"


class Reboot:
    def begin(self, turn: Turn) -> None:
        deadline_s = float(value(turn.step, "deadline_s"))
        if not turn.begin("The host is asked which boot it runs.", deadline_s=deadline_s):
            return
        try:
            why = _forbidden(turn)
            way = reach(turn)
            before = "" if why else way.boot()
        except (ShellTrouble, VirtError) as exc:
            turn.fail(f"It was not rebooted: {exc}")
            return
        if why:
            turn.fail(f"It was not rebooted: {why}")
            return
        # written before it is ordered: whoever goes on after us does not order it again
        if turn.keep(boot=before):
            self._order(turn, way)

    def _order(self, turn: Turn, way: Reach) -> None:
        log.info("%s is rebooted.", turn.host, extra={"action": "host_reboot_ordered", "row": turn.host.pk})
        try:
            refused = way.order()
        except (ShellTrouble, VirtError) as exc:
            turn.fail(f"It was not rebooted: {exc}")
            return
        if refused:
            turn.fail(refused)
        else:
            turn.say("The reboot was ordered.")

    def go_on(self, turn: Turn) -> None:
        before = turn.step.progress.get("boot", "")
        if not before:
            turn.fail("The worker ended before the reboot was ordered. Nothing was done to the host.")
            return
        try:
            way = reach(turn)
            missing = _missing(turn, way, before)
        except (ShellTrouble, VirtError) as exc:
            missing = f"it does not answer: {exc}"
        if not missing:
            turn.done(f"It runs another boot, and libvirt answers, {turn.seconds:.0f} s after the order.")
        elif turn.late:
            limit = float(value(turn.step, "deadline_s")) / 60
            turn.fail(f"The host has not come back from its reboot within {limit:g} min: {missing}")


def _missing(turn: Turn, way: Reach, before: str) -> str:
    """What is still wanting; "" if nothing is."""
    if not way.is_new(before, way.boot()):
        return "it still runs the boot that it ran before."
    try:
        shape = look(turn.host)
    except VirtError as exc:
        return f"it has booted, but libvirt does not answer: {exc}"
    if not turn.step.progress.get("seen"):
        turn.keep(seen=True)
        turn.say(f"Another boot answers, with libvirt {shape.libvirt_version}.")
    return ""


def _forbidden(turn: Turn) -> str:
    """Nobody's VM is ended by a reboot that a plan makes: the host itself is asked, not our rows."""
    turn.host.refresh_from_db()
    if turn.host.state != HostState.MAINTENANCE:
        return f"{turn.host} is not in maintenance."
    driver = connect(turn.host.uri, deadline_s=_DEADLINE_S)
    try:
        active = [each.name for each in driver.domains() if each.status.state not in _AT_REST]
    finally:
        driver.close()
    if not active:
        return ""
    others = f" and {len(active) - 3} others" if len(active) > 3 else ""
    return f"VMs run on it: {', '.join(sorted(active)[:3])}{others}."


KIND = Reboot()
