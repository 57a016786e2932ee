from django.db import models
from django.utils import timezone


class Attempted(models.Model):
    """Something that is sent once and tried several times (notify/tries.py): a row, no job; others go on with it."""

    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)  # not tried before
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="")  # of the last attempt; "": none

    class Meta:
        abstract = True
