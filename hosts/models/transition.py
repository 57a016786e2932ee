from django.db import models
from django.utils import timezone


class Transition(models.Model):
    """One change of one row: old, new, because, who, when. Written by advance() and never altered."""

    noun = models.CharField(max_length=20)  # host, vm, migration, operation
    row = models.BigIntegerField()
    name = models.CharField(max_length=300)  # of the row then: readable after it is gone
    field = models.CharField(max_length=20, default="state")  # "state", or "host" when a VM moved
    old = models.CharField(max_length=300, blank=True, default="")
    new = models.CharField(max_length=300)
    because = models.CharField(max_length=500)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["noun", "row", "at"]), models.Index(fields=["at"])]
