from django.db import models

from hosts.models.host import Host
from hosts.models.vm import VM


class HostLoad(models.Model):
    """A host's figures at one beat, kept for the graphs of the last hour."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="loads")
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True)
    memory_free_bytes = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["host", "at"]), models.Index(fields=["at"])]


class VMLoad(models.Model):
    """A VM's figures at one beat, kept for the graphs of the last hour. Rates are bytes/s."""

    vm = models.ForeignKey(VM, on_delete=models.CASCADE, related_name="loads")
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True)
    memory_used_bytes = models.BigIntegerField(null=True)
    net_rx_rate = models.FloatField(null=True)
    net_tx_rate = models.FloatField(null=True)
    disk_read_rate = models.FloatField(null=True)
    disk_write_rate = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["vm", "at"]), models.Index(fields=["at"])]
