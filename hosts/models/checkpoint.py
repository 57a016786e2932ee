from django.db import models
from django.utils import timezone


class Checkpoint(models.Model):
    """Where the retention cut the chain of events: the number and the seal of the last entry that went, signed."""

    noun = "checkpoint"

    number = models.BigIntegerField(unique=True)
    seal = models.CharField(max_length=64)
    signature = models.CharField(max_length=200)  # hosts/chain/retention.py, with the installation's secret key
    count = models.PositiveIntegerField()  # entries that went
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"events up to number {self.number}"
