from django.db import models

from hosts.models.datacenter import DataCenter
from hosts.models.policy import MigrationPolicy


class Cluster(models.Model):
    """Hosts that are alike enough to exchange running VMs: the boundary of migration.

    ``most_*``: how many migrations the queue lets run at once (hosts/livemigration/queue.py).
    """

    datacenter = models.ForeignKey(DataCenter, on_delete=models.PROTECT, related_name="clusters")
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    most_out = models.PositiveSmallIntegerField(default=2)  # sent by one host
    most_in = models.PositiveSmallIntegerField(default=2)  # received by one host
    most_at_once = models.PositiveSmallIntegerField(default=8)  # in the whole cluster
    migration_policy = models.ForeignKey(  # None: Adaptive
        MigrationPolicy, on_delete=models.PROTECT, related_name="clusters", null=True, blank=True
    )

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint("datacenter", "name", name="cluster_name_in_datacenter")]

    def __str__(self) -> str:
        return self.name
