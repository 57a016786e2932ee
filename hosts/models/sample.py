from django.db import models

from hosts.models.migration import Migration


class Sample(models.Model):
    """A migration at one instant, kept for ever with it: what the curves are drawn from. Bytes and bytes/s."""

    migration = models.ForeignKey(Migration, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField()  # stamped before the call
    remaining_bytes = models.BigIntegerField()
    processed_bytes = models.BigIntegerField()
    total_bytes = models.BigIntegerField()
    throughput = models.FloatField()
    dirty_rate = models.FloatField(null=True)  # None while unknown: the first pass
    iteration = models.PositiveIntegerField()
    expected_downtime_ms = models.FloatField(null=True)
    throttle_percent = models.PositiveSmallIntegerField(default=0)
    postcopy_requests = models.BigIntegerField(default=0)
    disk_remaining_bytes = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("at",)
        constraints = [models.UniqueConstraint(fields=["migration", "at"], name="one_sample_an_instant")]
