"""A maintenance plan and what it is made of: hosts, moves, steps. Times are UTC, durations seconds, sizes bytes."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from datacenter.models.maintenance import MaintenancePolicy
from hosts.advance import knows
from hosts.models import VM, Host, Leased, Migration, Operation
from hosts.states import HOLDING_PLAN, PlanHostState, PlanMoveState, PlanState, PlanStepState


class Plan(Leased):
    """Hosts to be emptied, worked on and given back, with every VM's way. The runner that holds its lease drives it."""

    noun = "plan"

    title = models.CharField(max_length=120)
    reason = models.CharField(max_length=500, blank=True, default="")
    policy = models.ForeignKey(
        MaintenancePolicy, on_delete=models.SET_NULL, null=True, blank=True, related_name="plans"
    )
    state = models.CharField(max_length=20, choices=PlanState.choices(), default=PlanState.DRAFT)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")
    version = models.PositiveIntegerField(
        default=1
    )  # rises with each change; an order given for an older one is refused
    terms = models.JSONField(default=dict)  # maintenance/terms.py

    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)
    computed_at = models.DateTimeField(null=True, blank=True)  # when placements and forecasts were last computed
    approved_by = models.CharField(max_length=150, blank=True, default="")
    approved_at = models.DateTimeField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)  # not before; None: when somebody starts it
    window_ends_at = models.DateTimeField(null=True, blank=True)  # nothing begins whose end lies past it
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_running = models.BooleanField(default=False)  # a cancel ends running migrations too

    expected_s = models.FloatField(null=True, blank=True)  # from start to finish, as it was approved
    expected_p90_s = models.FloatField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)  # forecast against fact, once it has ended

    class Meta:
        ordering = ("-made_at",)

    def __str__(self) -> str:
        return self.title


class PlanHost(models.Model):
    """One host of a plan, in its place in the roll."""

    noun = "plan_host"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="hosts")
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="plan_hosts")
    position = models.PositiveIntegerField(
        default=1
    )  # hosts of one plan go in this order, terms.at_once of them together
    state = models.CharField(max_length=20, choices=PlanHostState.choices(), default=PlanHostState.WAITING)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")

    expected_start_s = models.FloatField(null=True, blank=True)  # after the plan's start
    expected_empty_s = models.FloatField(null=True, blank=True)
    expected_end_s = models.FloatField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    empty_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)  # versions, memory, networks as they were; for the health check

    class Meta:
        ordering = ("position", "id")
        constraints = [models.UniqueConstraint(fields=["plan", "host"], name="one_place_a_host_in_a_plan")]

    def __str__(self) -> str:
        return f"{self.host} in {self.plan}"


class PlanMove(models.Model):
    """What becomes of one VM on one leg: away from its host, or home again."""

    noun = "plan_move"

    class Leg(models.TextChoices):
        OUT = "out", "Away"
        HOME = "home", "Home again"

    class Action(models.TextChoices):
        MIGRATE = "migrate", "Migrate"
        SHUTDOWN = "shutdown", "Shut down, start again afterwards"
        SUSPEND = "suspend", "Suspend to disk, resume afterwards"
        LEAVE = "leave", "Leave as it is"
        ASK = "ask", "Ask a person"
        START = "start", "Start again"  # HOME leg of SHUTDOWN and SUSPEND

    class Light(models.TextChoices):
        GREEN = "green", "Ready"
        YELLOW = "yellow", "Ready, with a warning"
        RED = "red", "Blocks"

    plan_host = models.ForeignKey(PlanHost, on_delete=models.CASCADE, related_name="moves")
    vm = models.ForeignKey(VM, on_delete=models.PROTECT, related_name="plan_moves")
    leg = models.CharField(max_length=10, choices=Leg.choices, default=Leg.OUT)
    action = models.CharField(max_length=10, choices=Action.choices, default=Action.MIGRATE)
    fallback = models.CharField(max_length=10, choices=Action.choices, blank=True, default="")  # when it fails
    target = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    chosen_by = models.CharField(max_length=150, blank=True, default="")  # who set action or target; "": the planner
    target_chosen = models.BooleanField(default=False)  # the target is a person's word: kept when computed anew

    light = models.CharField(max_length=10, choices=Light.choices, default=Light.GREEN)
    why = models.CharField(max_length=500, blank=True, default="")  # why there, or what blocks
    remedy = models.CharField(max_length=500, blank=True, default="")
    wave = models.PositiveIntegerField(default=1)  # moves of one wave run at the same time
    position = models.PositiveIntegerField(default=1)  # order within the plan_host
    position_chosen = models.BooleanField(default=False)  # a person's word: kept when computed anew
    expected_start_s = models.FloatField(null=True, blank=True)  # after the plan's start
    expected_s = models.FloatField(null=True, blank=True)
    expected_p90_s = models.FloatField(null=True, blank=True)
    expected_pause_ms = models.FloatField(null=True, blank=True)

    state = models.CharField(max_length=20, choices=PlanMoveState.choices(), default=PlanMoveState.WAITING)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    migration = models.ForeignKey(
        Migration, on_delete=models.SET_NULL, null=True, blank=True, related_name="plan_moves"
    )
    operation = models.ForeignKey(
        Operation, on_delete=models.SET_NULL, null=True, blank=True, related_name="plan_moves"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("leg", "position", "id")
        constraints = [models.UniqueConstraint(fields=["plan_host", "vm", "leg"], name="one_move_a_vm_and_leg")]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.vm}"


class PlanStep(models.Model):
    """Work on the host: one step, before or after. ``params`` by kind: maintenance/steps says which."""

    noun = "plan_step"

    class When(models.TextChoices):
        BEFORE = "before", "Before the host is emptied"
        EMPTY = "empty", "While the host is empty"
        AFTER = "after", "After it is active again"

    class Kind(models.TextChoices):
        COMMAND = "command", "Command over SSH"
        REBOOT = "reboot", "Reboot, and wait for libvirt"
        HEALTH = "health", "Health check"
        WEBHOOK = "webhook", "Webhook"
        CONFIRM = "confirm", "An operator confirms"

    plan_host = models.ForeignKey(PlanHost, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField(default=1)
    when = models.CharField(max_length=10, choices=When.choices, default=When.EMPTY)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    params = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=20, choices=PlanStepState.choices(), default=PlanStepState.WAITING)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")
    output = models.TextField(blank=True, default="")  # what it printed, the last 64 KiB; shown live
    progress = models.JSONField(default=dict, blank=True)  # what a later worker has to know: which boot, which try
    started_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("when", "position", "id")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.plan_host.host}"


class ReportDelivery(models.Model):
    """A plan's report on its way to one place: sent once, tried several times."""

    class Channel(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)  # not tried before
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")  # of the last attempt; "": none

    class Meta:
        ordering = ("channel",)
        constraints = [models.UniqueConstraint(fields=["plan", "channel"], name="one_delivery_a_plan_and_channel")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} report of {self.plan}"


class HostHold(models.Model):
    """A host that a plan holds: one plan at a time, held by the database. Gone when the plan ends."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="hold")
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="holds")
    at = models.DateTimeField(default=timezone.now)


class AffinityGroup(models.Model):
    """VMs that are to run on one host, or each on another. ``hard``: a rule; else a wish."""

    noun = "affinity_group"

    name = models.CharField(max_length=80, unique=True)
    together = models.BooleanField()  # False: apart
    hard = models.BooleanField(default=False)
    vms = models.ManyToManyField(VM, related_name="affinity_groups")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def holding() -> Q:
    """Plans that hold their hosts."""
    return Q(state__in=[str(state) for state in HOLDING_PLAN])


for _model, _states in (
    (Plan, PlanState), (PlanHost, PlanHostState), (PlanMove, PlanMoveState), (PlanStep, PlanStepState),
):  # fmt: skip
    knows(_model, _states)
