"""A simulated data center with all of Godwit on it but screens, on a clock of its own: plans run in seconds of ours.

Beside the engine of migrations (tests/scenarios/moves): the collector's inventory reads every host each second, workers
perform operations, and one worker or more look at the plans each second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group

from datacenter.access import OPERATORS
from datacenter.maintenance import orders, plans, runner
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep, User
from hosts.claim import Lease, claim
from hosts.lifecycle.tasks import perform
from hosts.models import VM, Host, Migration, Operation
from hosts.states import MigrationState, OperationState
from hosts.telemetry import hosting
from hosts.telemetry.inventory import Inventory
from hosts.virt.errors import VirtError
from hosts.virt.records import MigrateSpec, PowerVerb
from hosts.virt.sim import faults
from tests.scenarios.moves.engine import MigrationScenario
from tests.scenarios.moves.prompt import CALLS, Lasting
from tests.virt.sim.worlds import MIB

#: three hosts; three guests on h1, one on h2
SMALL = """
host h1 modern
host h2
host h3
guest web1 on h1
guest web2 on h1
guest db on h1
guest mail on h2
"""


class Worker:
    """One process's hold on one plan, as hosts/claim.py gives it."""

    def __init__(self, name: str, house: House) -> None:
        self.name, self.house = name, house
        self.lease: Lease | None = None
        self.alive = True

    def look(self, plan: Plan) -> None:
        if not self.alive:
            return
        if self.lease is None:
            self.lease = claim(Plan, plan.pk, holder=self.name, ttl_s=3600.0)
        if self.lease is not None:
            runner.tick(plan, clock=self.house.clock, lease=self.lease, run_step=self.house.run_step)

    def die(self, *, tells: bool = False) -> None:
        """It looks no more; the lease is free, as it is once it ran out."""
        self.alive = False
        Plan.objects.filter(lease_holder=self.name).update(lease_until=None)


class House(MigrationScenario):
    """A script's hosts and guests; ``pass_time`` and ``until`` move the clock."""

    def __init__(self, script: str = SMALL) -> None:
        super().__init__("no guardian\n" + script)
        self.inventory = Inventory(holder="test", clock=self.clock)
        self.workers = [Worker("worker one", self)]
        self.silent_since: dict[int, float] = {}
        self.steps_run: list[str] = []
        self.step_does: Callable[[PlanStep], None] | None = None
        self._beats = 0
        self.hosts_begun: list[str] = []

    @contextmanager
    def open(self) -> Iterator[House]:
        with self.playing():
            self.olga = User.objects.create_user("olga")
            self.olga.groups.add(Group.objects.get_or_create(name=OPERATORS)[0])
            self.read_hosts()
            yield self

    # time
    def tick(self) -> None:
        super().tick()
        self._beats += 1
        if self._beats % 10 == 0:
            self.second()

    def second(self) -> None:
        """What processes do each second."""
        self.read_hosts()
        self._perform()
        for pk in runner.due():
            for worker in self.workers:
                worker.look(Plan.objects.get(pk=pk))

    def pass_time(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds - 1e-6
        while self.clock.monotonic() < end:
            self.tick()

    def skip_time(self, seconds: float) -> None:
        """The clock jumps."""
        self.clock.advance(seconds)

    def until(self, true: Callable[[], object], *, seconds: float = 300.0) -> float:
        """Until it is true; how long that took. Fails after ``seconds`` with what the rows say."""
        begin = self.clock.monotonic()
        while not true():
            assert self.clock.monotonic() - begin < seconds, self.tell()
            self.tick()
        return self.clock.monotonic() - begin

    # what the other processes do
    def read_hosts(self) -> None:
        for row in Host.objects.order_by("pk"):
            try:
                domains = self.pool.get(row.uri).domains()
            except VirtError as exc:
                self._no_answer(row, exc)
                continue
            self.silent_since.pop(row.pk, None)
            self.inventory.read_all(row, domains)
            hosting.answered(Host.objects.get(pk=row.pk))

    def _no_answer(self, row: Host, exc: VirtError) -> None:
        self.inventory.lost(row.pk)
        hosting.lost(row.pk, str(exc))
        since = self.silent_since.setdefault(row.pk, self.clock.monotonic())
        if self.clock.monotonic() - since >= 30.0:
            hosting.silent(row.pk, seconds=30.0)

    def _perform(self) -> None:
        for pk in Operation.objects.filter(state=OperationState.QUEUED).values_list("pk", flat=True):
            try:
                perform(pk, pool=self.pool)
            except Lasting as call:
                CALLS.follow(call, lambda ticket, pk=pk: self._ended(pk, ticket.error))  # type: ignore[misc]

    def _ended(self, pk: int, error: Exception | None) -> None:
        state = OperationState.FAILED if error else OperationState.DONE
        Operation.objects.filter(pk=pk).update(
            state=state, state_since=self.clock.now(), because=str(error or "Saved.")
        )

    def run_step(self, step: PlanStep) -> None:
        """What a step does is not the runner's matter: it is done at once, or as the test says."""
        self.steps_run.append(f"{step.plan_host.host.name} {step.when} {step.kind}")
        if self.step_does is not None:
            self.step_does(step)
            return
        PlanStep.objects.filter(pk=step.pk).update(state="done")

    # orders
    def host(self, name: str) -> Host:
        return Host.objects.get(name=name)

    def vm(self, name: str) -> VM:
        return VM.objects.select_related("host").get(name=name)

    def plan(self, *hosts: str, started: bool = True, window_s: float | None = None, **terms: Any) -> Plan:
        """A plan for these hosts, approved and started."""
        end = None if window_s is None else self.clock.now() + timedelta(seconds=window_s)
        plan = plans.make_plan(
            self.olga, [self.host(name) for name in hosts], title="roll", reason="new firmware", terms=Terms(**terms),
            window_ends_at=end,
        )  # fmt: skip
        if started:
            orders.approve(self.olga, plan, version=plan.version)
            orders.start(self.olga, plan)
        return plan

    def virsh_migrate(self, guest: str, source: str, destination: str) -> None:
        """Another tool's hand."""
        try:
            self.driver(source).migrate(MigrateSpec(uuid=self.uuid(guest), destination_uri=f"sim://{destination}"))
        except Lasting as call:
            CALLS.follow(call, lambda _ticket: None)

    def virsh(self, guest: str, verb: PowerVerb) -> None:
        self.pool.get(self.vm(guest).host.uri).power(self.uuid(guest), verb)

    def fault(self, name: str, *hosts: str) -> None:
        with self.world.present():
            getattr(faults, name)(self.world, *hosts)

    def dirty(self, guest: str, mib_s: float) -> None:
        """From now on it rewrites 300 MiB at this rate."""
        from hosts.virt.sim.memory import PageClass

        with self.world.present():
            self.world.guest_named(guest).touched_bytes = 400 * MIB
            self.world.guest_named(guest).classes = (PageClass(bytes=300 * MIB, bytes_per_s=mib_s * MIB),)

    # what is
    def where(self) -> dict[str, str]:
        """Each running guest's host, as the hosts themselves say; fails where one runs twice."""
        found: dict[str, str] = {}
        for guest in self.world.guests.values():
            running = [n for n, c in self.world.copies_of(guest.uuid).items() if c.status.state == "running"]
            assert len(running) <= 1, f"{guest.name} runs on {running}"
            if running:
                found[guest.name] = running[0]
        return found

    def rows(self, plan: Plan) -> dict[str, str]:
        return dict(plan.hosts.values_list("host__name", "state"))

    def moves(self, plan: Plan, leg: str = "out") -> dict[str, str]:
        found = PlanMove.objects.filter(plan_host__plan=plan, leg=leg)
        return dict(found.values_list("vm__name", "state"))

    def move(self, plan: Plan, vm: str, leg: str = "out") -> PlanMove:
        return PlanMove.objects.select_related("vm").get(plan_host__plan=plan, vm__name=vm, leg=leg)

    def states(self) -> dict[str, str]:
        return dict(Host.objects.values_list("name", "state"))

    def copying(self) -> bool:
        return Migration.objects.filter(state=MigrationState.COPYING).exists()

    def tell(self) -> str:
        said = [f"{row}: {row.state}: {row.because}" for row in Plan.objects.all()]
        said += [f"{row}: {row.state} ({row.host.state}): {row.because}" for row in PlanHost.objects.all()]
        said += [f"  {row}: {row.leg} {row.state} {row.light}: {row.because}" for row in PlanMove.objects.all()]
        said += [f"    {row}: {row.state}: {row.because} {row.waits_for}" for row in Migration.objects.all()]
        return "\n".join(said)

    def state(self, plan: Plan) -> str:
        return Plan.objects.values_list("state", flat=True).get(pk=plan.pk)
