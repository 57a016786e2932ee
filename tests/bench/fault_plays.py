"""How each fault is provoked: one small function a row of the table. h1 is the source, h2 the destination."""

import subprocess
from collections.abc import Callable
from contextlib import suppress

from hosts.models import Adjustment, Doubt, Host, Migration
from hosts.states import MigrationState
from hosts.virt.errors import VirtError
from tests.bench.fault_processes import Process, wait_for
from tests.bench.fault_trial import AT_RESUMED, AT_SUSPENDED, CAP, MIB, Trial

S = MigrationState
Play = Callable[[Trial], None]
#: from SIGKILL to a restart by whatever watches over daemons, in seconds
BACK_S = 3.0


def copying(act: Play) -> Play:
    """The play ``act`` while memory is copied, in a migration that copies for ever."""

    def play(t: Trial) -> None:
        t.begin()
        t.copying()
        act(t)

    return play


def in_postcopy(act: Play) -> Play:
    """The play ``act`` in post-copy, on a line that makes it last for seconds.

    Two seconds into it: in its first half second a pause kills the destination's QEMU 7.2 ("postcopy_ram_listen_thread:
    loadvm failed"), and a destination's libvirtd that was killed ends the guest when it is back. The row then says
    lost, and rightly: no manager can help it.
    """

    def play(t: Trial) -> None:
        t.begin()
        t.copying()
        t.postcopy()
        t.rest(2)
        act(t)

    return play


def switching(t: Trial) -> None:
    """Ordered, on a line so slow that the guest stands still for half a second at switch-over; an idle one for less."""
    t.begin(slow=True, cap=None, max_downtime_ms=600 if t.fault.load["dirty_mb"] else 20)
    t.await_strike()


# --- Godwit's own processes -------------------------------------------------------------------------------------
def nothing(t: Trial) -> None:
    t.strike()
    t.finish()


def _driver_of(t: Trial) -> Process:
    holder = t.row.lease_holder
    return next(each for each in t.stage.workers if holder.endswith(f":{each.pid}"))


def _follow_on(t: Trial, strike: Callable[[Process], None]) -> None:
    victim, epoch = _driver_of(t), t.row.lease_epoch
    t.truth = lambda: t.row.lease_epoch > epoch and bool(t.row.lease_holder)
    t.strike(lambda: strike(victim))
    wait_for(lambda: t.truth_at, seconds=25, what="another worker")


def worker_killed(t: Trial) -> None:
    _follow_on(t, Process.kill)
    t.finish()


def worker_frozen(t: Trial) -> None:
    """It thaws beside its heir, and must do nothing any more."""
    victim = _driver_of(t)
    _follow_on(t, Process.freeze)
    victim.thaw()
    t.rest(2)
    t.finish()


def worker_killed_in_postcopy(t: Trial) -> None:
    _driver_of(t).kill()
    t.strike()


def all_but_the_daemons_killed(t: Trial) -> None:
    """Both workers, the guardian and the collector; they come back after three seconds."""
    epoch = t.row.lease_epoch
    t.truth = lambda: t.row.lease_epoch > epoch
    t.strike(*(each.kill for each in t.stage.processes))
    t.rest(BACK_S)
    t.stage.start()
    wait_for(lambda: t.truth_at, seconds=25, what="a worker")
    t.finish()


# --- daemons ----------------------------------------------------------------------------------------------------
def daemon_restarted(host: str, seconds: float = BACK_S) -> Play:
    def play(t: Trial) -> None:
        t.strike(t.kill_daemon(host))
        t.rest(seconds)
        t.lab.start_daemon(host)

    return play


def daemon_killed_at(where: tuple[str, str], host: str) -> Play:
    def play(t: Trial) -> None:
        t.at(where, t.kill_daemon(host))
        switching(t)
        t.rest(BACK_S)
        t.lab.start_daemon(host)

    return play


def guardian_killed_too(t: Trial) -> None:
    """H05 with the guardian dead: both copies run until a second one has the duty, for longer than is harmless.

    Which of them is right is then a person's to say; one runs all the while, and the page of the doubt asks.
    """
    t.stage.standby.start()
    t.at(AT_RESUMED, t.kill_daemon("h2"), t.stage.guardian.signal_kill)
    switching(t)
    t.rest(BACK_S)
    t.lab.start_daemon("h2")
    t.reach(S.CONFIRMING)
    asked = Doubt.objects.filter(vm=t.vm, resolved_at=None)
    wait_for(lambda: asked.exists() or t.state.is_final, seconds=20, what="a doubt")
    t.rest(4)
    asked.update(remedy="end", remedy_host=Host.objects.get(name="h1"), remedy_by="bench")
    t.final(60)


def source_daemon_frozen_over_switch(t: Trial) -> None:
    """With keepalive 1 x 3 the destination's daemon gives the silent source up after 4 s: the guest goes on there."""
    t.at(AT_SUSPENDED, t.freeze_daemon("h1"))
    switching(t)
    t.rest(8)
    t.lab.cont_daemon("h1")


# --- QEMU -------------------------------------------------------------------------------------------------------
def qemu_killed(host: str) -> Play:
    def play(t: Trial) -> None:
        t.strike(lambda: t.lab.kill_guest(t.vm.name, host))

    return play


def destination_qemu_frozen(t: Trial) -> None:
    t.strike(lambda: t.lab.freeze_guest(t.vm.name, "h2"))
    t.rest(8)
    t.lab.freeze_guest(t.vm.name, "h2", thaw=True)
    t.finish()


def destination_qemu_frozen_at_switch(t: Trial) -> None:
    t.at(AT_SUSPENDED, lambda: t.lab.freeze_guest(t.vm.name, "h2"))
    switching(t)
    t.rest(5)
    for host in t.lab.running_on(t.vm.name):
        t.lab.freeze_guest(t.vm.name, host, thaw=True)


# --- links ------------------------------------------------------------------------------------------------------
def link_cut(seconds: float, *, then_finish: bool = False) -> Play:
    """The destination's cable, for so long; Godwit does not hear that host either."""

    def play(t: Trial) -> None:
        t.strike(lambda: t.lab.cut("h2"))
        t.rest(seconds)
        t.lab.mend("h2")
        if then_finish:
            t.finish()

    return play


def link_cut_at_switch(t: Trial) -> None:
    t.at(AT_SUSPENDED, lambda: t.lab.cut("h2"))
    switching(t)
    t.rest(10)
    t.lab.mend("h2")


def hosts_cut_from_one_another(t: Trial) -> None:
    """Godwit hears both of them all the time."""
    t.strike(lambda: t.stage.mute("h1", "h2"), lambda: t.stage.mute("h2", "h1"))


def finish_reply_lost(t: Trial) -> None:
    """What the destination's libvirtd answers to the source's is lost from the switch-over on; QEMU's stream is not."""
    t.at(AT_SUSPENDED, lambda: t.stage.lose_replies("h2", "h1"))
    switching(t)


# --- orders -----------------------------------------------------------------------------------------------------
def cancelled(t: Trial) -> None:
    t.strike(lambda: t.adjust(Adjustment.CANCEL))


def aborted_outside_at_switch(t: Trial) -> None:
    t.at(AT_SUSPENDED, lambda: t.driver("h1").abort_job(t.uuid))
    switching(t)


def asked_twice(t: Trial) -> None:
    """Another manager asks for the same migration; libvirt refuses it, and ours goes on."""
    there = t.lab.hosts["h3"].uri
    t.strike(lambda: t.lab.virsh("h1", "migrate", "--live", "--p2p", t.vm.name, there, check=False))
    t.finish()


def postcopy_paused_outside(t: Trial) -> None:
    """``abortJobFlags(POSTCOPY)`` by somebody: the guardian goes on with it."""
    t.strike(lambda: t.driver("h1").abort_job(t.uuid, postcopy=True))


def arrives_paused(t: Trial) -> None:
    """The guest arrives paused, and only Godwit lets it run."""
    t.arrives_paused = True
    t.at(AT_SUSPENDED)
    t.begin(cap=40 * MIB, max_downtime_ms=600)
    t.await_strike()


def finish_reply_lost_to_paused(t: Trial) -> None:
    """The same where the guest arrives paused: nobody lets it run before the other copy has ended."""
    t.arrives_paused = True
    finish_reply_lost(t)


def finish_reply_lost_and_aborted(t: Trial) -> None:
    """The same, and another tool aborts as soon as the guest runs there: libvirt says that it was done."""

    def abort() -> None:
        with suppress(VirtError):
            t.driver("h1").abort_job(t.uuid)

    t.at(AT_SUSPENDED, lambda: t.stage.lose_replies("h2", "h1"))
    t.at(AT_RESUMED, abort)
    switching(t)


# --- another tool's unmanaged migrations: its client carries them ------------------------------------------------
def client_killed(t: Trial) -> None:
    """A managed migration (``virsh migrate`` without ``--p2p``): it dies with its client."""
    client = _managed(t)
    t.strike(client.kill)
    client.wait()


def client_killed_in_postcopy(t: Trial) -> None:
    """Two seconds into post-copy; QEMU goes on by itself."""
    client = _managed(t, "--postcopy")
    t.lab.slow("h2", 100.0)
    t.driver("h1").start_postcopy(t.uuid)
    t.reach(S.POSTCOPY)
    t.rest(2)
    t.strike(client.kill)
    client.wait()


def _managed(t: Trial, *flags: str) -> "subprocess.Popen[bytes]":
    """Another tool moves the guest, and Godwit follows."""
    hosts = t.lab.hosts
    words = ["virsh", "-c", hosts["h1"].uri, "migrate", "--live", "--persistent", "--undefinesource", *flags]
    words += ["--bandwidth", str(CAP // MIB), t.vm.name, hosts["h2"].uri]
    client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = Migration.objects.filter(vm=t.vm, ours=False)
    wait_for(rows.exists, seconds=30, what="Godwit does not follow it")
    t.migration = rows.get()
    t.copying()
    return client
