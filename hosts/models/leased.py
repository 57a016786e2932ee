from django.db import models


class Leased(models.Model):
    """A row that one process at a time may work on; see hosts/claim.py. The epoch rises with each new holder."""

    lease_holder = models.CharField(max_length=120, blank=True, default="")
    lease_epoch = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
