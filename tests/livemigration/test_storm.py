"""Kills, freezes, cuts and cancels at random moments of simulated migrations, with Godwit's supervisor and guardian.

Whatever happened, and in whatever order: once everything is mended, one copy is left and runs (none where its own QEMU
was killed), defined on one host; row, hosts and inventory agree, nothing is held for ever, each end has its reason,
and the guest moves again. STORMS=n tries n storms, each another time; without it a few, the same every time.
"""

import os

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from hosts.models import VM, Adjustment, Doubt, Migration
from hosts.states import MigrationState
from hosts.virt.records import DomainState
from tests.scenarios.moves.engine import MigrationScenario

SCRIPT = """
host h1 keepalive 4
host h2 keepalive 4
guest web1 on h1 touched 100 hot {hot} at 40 {lock}
"""
HOSTS, GUEST = ("h1", "h2"), "web1"
#: after all is mended, libvirt, guardian and supervisor have so long to agree, in simulated seconds
CALM_S = 90.0
STORMS = int(os.environ.get("STORMS", "0"))


class Storm(RuleBasedStateMachine):
    """One migration in bad weather; the checks are in ``teardown``."""

    hosts = st.sampled_from(HOSTS)

    @initialize(hot=st.sampled_from([10, 60]), locked=st.booleans(), cap=st.sampled_from([20, 60]))
    def begin(self, hot: int, locked: bool, cap: int) -> None:
        self.rows = transaction.atomic()
        self.rows.__enter__()
        self.scenario = MigrationScenario(SCRIPT.format(hot=hot, lock="" if locked else "unlocked"))
        self.play = self.scenario.playing()
        self.play.__enter__()
        self.crashed = self.dead = False
        self.order("migrate", GUEST, "h2", "cap", str(cap))
        self.wait(2.0)

    def order(self, *words: str) -> None:
        try:
            self.scenario._obey(list(words))
        except (KeyError, ValueError, IndexError) as exc:
            self.scenario._say(f"  not possible: {exc}")  # it does not migrate any more

    def wait(self, seconds: float) -> None:
        until = self.scenario.clock.monotonic() + seconds
        while self.scenario.clock.monotonic() < until:
            self.scenario.tick()

    @property
    def moving(self) -> bool:
        return not MigrationState.of(self.scenario.row(GUEST).state).is_final

    # the weather
    @rule(seconds=st.sampled_from([0.1, 0.3, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    @rule(host=hosts)
    def a_daemon_restarts(self, host: str) -> None:
        self.order("restart-daemon", host)

    @rule(host=hosts, fault=st.sampled_from(["freeze", "isolate", "kill-daemon"]))
    def a_host_falls_silent(self, host: str, fault: str) -> None:
        self.order(fault, host)

    @rule(host=hosts)
    def a_host_is_back(self, host: str) -> None:
        self.mend_host(host)

    @rule()
    def the_link_is_cut(self) -> None:
        self.order("cut", *HOSTS)

    @rule()
    def the_link_is_back(self) -> None:
        self.order("mend", *HOSTS)

    @precondition(lambda self: self.moving)
    @rule(event=st.sampled_from(["h1 suspended/migrated", "h2 resumed/migrated"]), host=hosts)
    def a_daemon_will_die_at_the_switch(self, event: str, host: str) -> None:
        self.scenario._triggers.append((*event.split(), ["restart-daemon", host]))  # type: ignore[arg-type]

    @precondition(lambda self: self.moving)
    @rule(event=st.sampled_from(["h1 suspended/migrated", "h2 resumed/migrated"]))
    def the_link_will_go_at_the_switch(self, event: str) -> None:
        self.scenario._triggers.append((*event.split(), ["cut", *HOSTS]))  # type: ignore[arg-type]

    @precondition(lambda self: self.moving)
    @rule()
    def the_destinations_qemu_dies(self) -> None:
        self.order("kill-destination", GUEST)
        self.crashed = self.crashed or self.scenario.row(GUEST).used_postcopy

    @precondition(lambda self: self.moving)
    @rule(order=st.sampled_from(["cancel", "postcopy", "abort"]))
    def somebody_orders(self, order: str) -> None:
        self.order(order, GUEST)

    @precondition(lambda self: self.moving)
    @rule()
    def the_worker_dies(self) -> None:
        self.order("worker-dies", GUEST)

    # the end
    def mend_host(self, host: str) -> None:
        for fault in ("thaw", "rejoin", "start-daemon"):
            self.order(fault, host)

    def teardown(self) -> None:
        if not hasattr(self, "play"):
            return
        try:
            self.order("mend", *HOSTS)
            for host in HOSTS:
                self.mend_host(host)
            self.calm()
            self.check()
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n" + "\n".join(self.scenario.log)) from exc
        finally:
            self.play.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.rows.__exit__(None, None, None)

    def calm(self) -> None:
        self.scenario._triggers.clear()
        self.order("cap", GUEST, "none")  # or it might copy for ever
        until = self.scenario.clock.monotonic() + CALM_S
        while self.scenario.clock.monotonic() < until and not self.scenario._all_over():
            self.scenario.tick()

    def check(self) -> None:
        row = self.scenario.row(GUEST)
        self.check_copies(row)
        assert row.because
        assert row.queue_place is None
        assert row.lease_holder == "" or not MigrationState.of(row.state).is_final
        assert not Adjustment.objects.filter(migration=row, applied_at=None, error="").exists()
        if row.state in (MigrationState.DONE, MigrationState.FAILED, MigrationState.CANCELLED):
            self.check_retry(row)

    def check_copies(self, row: Migration) -> None:
        copies = self.scenario.world.copies_of(self.scenario.uuid(GUEST))
        running = [host for host, copy in copies.items() if copy.status.state is DomainState.RUNNING]
        assert len(running) <= 1, f"{running} run it"
        if Doubt.objects.filter(resolved_at=None).exists():
            return  # a person has to look, and is told at what
        assert MigrationState.of(row.state).is_final, f"still {row.state}: {row.because}"
        if row.state == MigrationState.LOST:
            assert self.crashed, "lost, and nobody killed it"
            return
        where = "h2" if row.state == MigrationState.DONE else "h1"
        assert running == [where], f"{row.state}, and it runs on {running}"
        assert list(copies) == [where], f"copies on {list(copies)}"
        assert VM.objects.select_related("host").get().host.name == where

    def check_retry(self, row: Migration) -> None:
        if Doubt.objects.filter(resolved_at=None).exists():
            return
        there = "h1" if row.state == MigrationState.DONE else "h2"
        self.order("migrate", GUEST, there)
        again = self.scenario.row(GUEST)
        assert again.pk != row.pk, "it could not be asked for again"
        self.calm()
        again.refresh_from_db()
        assert again.state == MigrationState.DONE, f"tried again: {again.state}: {again.because}"


FEW = settings(
    max_examples=STORMS or 12,
    stateful_step_count=8,
    deadline=None,
    derandomize=not STORMS,
    database=None,
    phases=[Phase.generate] if not STORMS else [Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.django_db
def test_it_ends_with_one_copy_and_the_truth_whatever_the_weather() -> None:
    run_state_machine_as_test(Storm, settings=FEW)
