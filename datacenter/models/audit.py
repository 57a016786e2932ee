from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """What a person ordered, or tried to: who, what, on what, how it was answered. Never altered."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    verb = models.CharField(max_length=40)  # "power_off", "migrate", "adjust", "add_host"
    noun = models.CharField(max_length=20)
    row = models.BigIntegerField(null=True)
    name = models.CharField(max_length=300)
    detail = models.CharField(max_length=500, blank=True, default="")
    refused = models.BooleanField(default=False)

    class Meta:
        ordering = ("-at", "-id")
        indexes = [models.Index(fields=["noun", "row", "at"])]
