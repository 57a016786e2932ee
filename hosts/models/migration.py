from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from hosts.models.host import Host
from hosts.models.leased import Leased
from hosts.models.policy import PolicyVersion
from hosts.models.vm import VM
from hosts.states import OPEN_MIGRATION, MigrationState


class Priority(models.TextChoices):
    """On whose behalf it moves; how much that counts in the queue stands in hosts/livemigration/queue.py."""

    DRAIN = "drain", "Drain"  # its host is being emptied
    PERSON = "person", "Person"
    BALANCER = "balancer", "Balancer"  # it would be better off elsewhere, no more


class Migration(Leased):
    """One live migration of one VM: the row is the state machine, written before each call to libvirt.

    What the supervisor measures is kept here and in ``samples``; what a person wants changed arrives as
    ``adjustments``. Sizes are bytes, rates bytes/s, pauses milliseconds.
    """

    noun = "migration"

    vm = models.ForeignKey(VM, on_delete=models.PROTECT, related_name="migrations")
    source = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="migrations_out")
    destination = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="migrations_in", null=True)
    ours = models.BooleanField(default=True)  # False: another tool started it; followed, never touched
    requested_by = models.CharField(max_length=150)  # a name that stays readable; "outside Godwit" if not ours
    requested_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=20, choices=MigrationState.choices(), default=MigrationState.QUEUED)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")  # of the last change, in words

    # what was asked for
    bandwidth = models.BigIntegerField(null=True, blank=True)  # bytes/s; None: no cap
    max_downtime_ms = models.PositiveIntegerField(null=True, blank=True)
    postcopy_allowed = models.BooleanField(default=True)
    auto_converge = models.BooleanField(default=False)
    arrives_paused = models.BooleanField(default=False)  # only we let it run there, once the source copy has ended
    copy_disks = models.BooleanField(default=False)  # those that are not shared travel too
    parallel = models.PositiveSmallIntegerField(default=0)  # connections; 0: one stream
    xbzrle = models.BooleanField(default=False)
    tls = models.BooleanField(default=False)  # the data too, not only the daemons' talk
    zero_copy = models.BooleanField(default=False)  # over parallel connections only; locks the guest's memory meanwhile
    offline = models.BooleanField(default=False)  # the VM is down: its definition moves, and nothing else
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    policy = models.ForeignKey(  # the version it runs under; None: nobody steers but people
        PolicyVersion, on_delete=models.PROTECT, related_name="migrations", null=True, blank=True
    )
    pause_budget_ms = models.PositiveIntegerField(null=True, blank=True)  # a person's word; None: the policy's

    # its place in the queue, while it is queued
    priority = models.CharField(max_length=10, choices=Priority.choices, default=Priority.PERSON)
    not_before = models.DateTimeField(null=True, blank=True)  # a further try waits a while
    queue_place = models.PositiveIntegerField(null=True, blank=True)  # 1: the next in its cluster
    waits_for = models.CharField(max_length=300, blank=True, default="")  # in words

    # its tries
    retry_of = models.OneToOneField("self", on_delete=models.PROTECT, related_name="retry", null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    alternatives = ArrayField(models.BigIntegerField(), default=list, blank=True)  # hosts, best first as it was ordered

    # what happened
    started_at = models.DateTimeField(null=True, blank=True)  # libvirt was asked
    suspended_at = models.DateTimeField(null=True, blank=True)  # the source's event
    resumed_at = models.DateTimeField(null=True, blank=True)  # the destination's event
    ended_at = models.DateTimeField(null=True, blank=True)
    pause_ms = models.FloatField(null=True, blank=True)  # resumed - suspended: ours, not libvirt's
    libvirt_downtime_ms = models.FloatField(null=True, blank=True)
    total_bytes = models.BigIntegerField(null=True, blank=True)
    transferred_bytes = models.BigIntegerField(null=True, blank=True)
    iterations = models.PositiveIntegerField(default=0)
    used_postcopy = models.BooleanField(default=False)
    dirty_rate_before = models.FloatField(null=True, blank=True)  # measured before the start, over a second
    dirty_rate_long_before = models.FloatField(null=True, blank=True)  # and over four, where that could matter
    disk_total_bytes = models.BigIntegerField(null=True, blank=True)
    disk_processed_bytes = models.BigIntegerField(null=True, blank=True)

    # what was said beforehand
    checks = models.JSONField(default=list, blank=True)  # preflight's findings as dicts
    expected = models.JSONField(null=True, blank=True)  # the forecast made right before the start
    pair = models.JSONField(null=True, blank=True)  # what was known of its two hosts then (livemigration/pairs.py)
    taught = models.JSONField(null=True, blank=True)  # what it showed of them, once it is done

    class Meta:
        ordering = ("-requested_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["vm"], condition=Q(state__in=[str(s) for s in OPEN_MIGRATION]), name="one_open_migration_a_vm"
            ),
            models.CheckConstraint(
                condition=Q(destination__isnull=True) | ~Q(source=F("destination")), name="destination_is_not_source"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vm} from {self.source} to {self.destination or 'unknown'}"


class Adjustment(models.Model):
    """Somebody turned a knob on a running migration; the supervisor sees it at its next tick.

    ``actor`` "policy NAME" is the migration's policy: it turns nothing that a person has turned.
    """

    CANCEL, BANDWIDTH, MAX_DOWNTIME, POSTCOPY = "cancel", "bandwidth", "max_downtime", "postcopy"
    KINDS = ((CANCEL, "Cancel"), (BANDWIDTH, "Bandwidth"), (MAX_DOWNTIME, "Allowed pause"), (POSTCOPY, "Post-copy"))

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="adjustments")
    kind = models.CharField(max_length=20, choices=KINDS)
    value = models.BigIntegerField(null=True, blank=True)  # bytes/s or ms; None with bandwidth: no cap
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")
    because = models.CharField(max_length=500, blank=True, default="")  # a policy's reason

    class Meta:
        ordering = ("at", "id")
