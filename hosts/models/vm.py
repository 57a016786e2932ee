from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hosts.models.host import Host
from hosts.models.policy import MigrationPolicy
from hosts.states import VMState


class MaintenanceRule(models.TextChoices):
    """What becomes of a VM when its host is emptied."""

    MIGRATE = "migrate", "Migrate"
    SHUTDOWN = "shutdown", "Shut down, start again afterwards"
    SUSPEND = "suspend", "Suspend to disk, resume afterwards"
    LEAVE = "leave", "Leave as it is"
    ASK = "ask", "Ask a person"


class MigrationMode(models.TextChoices):
    """Who may move it, as in oVirt."""

    ANYBODY = "anybody", "Manual and automatic"
    MANUAL = "manual", "Manual only"
    PINNED = "pinned", "Not at all"


class VM(models.Model):
    """A virtual machine. Its identity is the domain's UUID, wherever it runs; the row outlives the domain.

    ``host`` is where it is, or was last seen (``state`` MISSING). A migration changes ``host`` and nothing else.
    Facts are from its XML, figures from the last beat. Sizes are bytes, rates bytes/s.
    """

    noun = "vm"

    uuid = models.UUIDField(unique=True)
    name = models.CharField(max_length=255)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="vms")
    first_seen_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)  # when its host last told of it

    migration_policy = models.ForeignKey(  # None: its cluster's
        MigrationPolicy, on_delete=models.PROTECT, related_name="vms", null=True, blank=True
    )

    # the operator's word
    maintenance_rule = models.CharField(max_length=10, choices=MaintenanceRule.choices, default=MaintenanceRule.MIGRATE)
    migration_mode = models.CharField(max_length=10, choices=MigrationMode.choices, default=MigrationMode.ANYBODY)

    state = models.CharField(max_length=20, choices=VMState.choices(), default=VMState.UNKNOWN)
    state_since = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=40, blank=True, default="")  # libvirt's word: "booted", "migrated", "user"
    up_since = models.DateTimeField(null=True, blank=True)  # a migration does not touch it
    up_since_exact = models.BooleanField(default=False)  # False: it ran already when Godwit first saw it

    persistent = models.BooleanField(default=True)
    autostart = models.BooleanField(default=False)
    vcpus = models.PositiveIntegerField(default=1)
    memory_bytes = models.BigIntegerField(default=0)
    max_memory_bytes = models.BigIntegerField(default=0)
    virt_type = models.CharField(max_length=20, blank=True, default="")
    machine = models.CharField(max_length=60, blank=True, default="")
    arch = models.CharField(max_length=20, blank=True, default="")
    cpu_mode = models.CharField(max_length=30, blank=True, default="")
    cpu_model = models.CharField(max_length=100, blank=True, default="")
    title = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    disks = models.JSONField(default=list, blank=True)  # records.Disk as dicts
    nics = models.JSONField(default=list, blank=True)  # records.Nic as dicts
    devices = models.JSONField(default=list, blank=True)
    cpu_features = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # required beside the model's
    huge_page_bytes = models.BigIntegerField(null=True, blank=True)  # 0: of the host's default size; None: ordinary
    pinned_cpus = models.BooleanField(default=False)
    snapshots = models.PositiveIntegerField(default=0)
    managed_save = models.BooleanField(default=False)  # its memory is saved to a file of its host
    memory_limit_bytes = models.BigIntegerField(null=True, blank=True)  # hard limit of its QEMU; None: none set
    xml = models.TextField(blank=True, default="")

    cpu_percent = models.FloatField(null=True, blank=True)  # of its vCPUs together: 100 is all of them busy
    memory_used_bytes = models.BigIntegerField(null=True, blank=True)
    rss_bytes = models.BigIntegerField(null=True, blank=True)
    net_rx_rate = models.FloatField(null=True, blank=True)
    net_tx_rate = models.FloatField(null=True, blank=True)
    disk_read_rate = models.FloatField(null=True, blank=True)
    disk_write_rate = models.FloatField(null=True, blank=True)
    figures_at = models.DateTimeField(null=True, blank=True)
    dirty_rate = models.FloatField(null=True, blank=True)  # the last measurement
    dirty_rate_at = models.DateTimeField(null=True, blank=True)
    dirty_rate_long = models.FloatField(null=True, blank=True)  # over four seconds; None: one tells all there is
    dirty_rate_long_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        indexes = [models.Index(fields=["host", "state"])]

    def __str__(self) -> str:
        return self.name
