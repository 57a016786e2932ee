from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hosts.models.cluster import Cluster
from hosts.models.leased import Leased
from hosts.states import HostState

#: what keeps a disk from being opened by two hosts at once
LOCKS = (
    ("", "Not known"),
    ("none", "None"),
    ("storage", "By the storage (NFSv4, RBD exclusive lock)"),
    ("virtlockd", "virtlockd"),
    ("sanlock", "sanlock"),
)


class Host(Leased):
    """A machine with a libvirt daemon. Its identity is ``uuid``, the host's own; the URI is only how it is reached.

    Facts and figures are the last known ones; ``answered_at`` says how old they are. Sizes are bytes, rates bytes/s.
    """

    noun = "host"

    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="hosts")
    name = models.CharField(max_length=253)
    uri = models.CharField(max_length=300, unique=True)
    uuid = models.UUIDField(null=True, blank=True, unique=True)
    added_at = models.DateTimeField(default=timezone.now)

    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    maintenance_reason = models.CharField(max_length=500, blank=True, default="")
    maintenance_by = models.CharField(max_length=150, blank=True, default="")

    state = models.CharField(max_length=20, choices=HostState.choices(), default=HostState.CONNECTING)
    state_since = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")

    hostname = models.CharField(max_length=253, blank=True, default="")
    libvirt_version = models.CharField(max_length=20, blank=True, default="")
    qemu_version = models.CharField(max_length=20, blank=True, default="")
    cpu_model = models.CharField(max_length=100, blank=True, default="")
    cpu_arch = models.CharField(max_length=20, blank=True, default="")
    cpus = models.PositiveIntegerField(null=True, blank=True)
    memory_bytes = models.BigIntegerField(null=True, blank=True)
    machine_types = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    virt_types = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    networks = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    bridges = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    manufacturer = models.CharField(max_length=100, blank=True, default="")
    product = models.CharField(max_length=100, blank=True, default="")
    cpu_features = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # empty: not told
    cpu_models = ArrayField(models.CharField(max_length=100), default=list, blank=True)  # for guests under KVM
    huge_pages = models.JSONField(null=True, blank=True)  # {"2097152": pages in the pool}; None: not told

    # what an administrator states: libvirt cannot be asked for it
    migration_address = models.CharField(max_length=253, blank=True, default="")  # on the migration network
    locks = models.CharField(max_length=20, blank=True, default="", choices=LOCKS)
    keepalive_tuned = models.BooleanField(null=True, default=None)  # keepalive_interval=1, keepalive_count=3
    migration_tls = models.BooleanField(null=True, default=None)  # QEMU's certificates are in place

    # a person's word while it is silent: "I switched it off"; taken back by its next answer
    off_stated_at = models.DateTimeField(null=True, blank=True)
    off_stated_by = models.CharField(max_length=150, blank=True, default="")

    cpu_percent = models.FloatField(null=True, blank=True)  # of all its logical CPUs together
    memory_free_bytes = models.BigIntegerField(null=True, blank=True)
    net_rx_rate = models.FloatField(null=True, blank=True)  # sum over its VMs
    net_tx_rate = models.FloatField(null=True, blank=True)
    figures_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
