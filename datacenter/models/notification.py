"""Who is told of what, how, and what became of each message."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from datacenter.models.attempted import Attempted
from datacenter.models.user import User
from hosts.models.event import Severity


class Channel(models.TextChoices):
    MAIL = "mail", "Mail"
    WEBHOOK = "webhook", "Webhook"


def new_salt() -> str:
    return secrets.token_hex(16)


class NotificationRule(models.Model):
    """What is told to whom. ``owner`` None: of the whole installation; else one user's own, of what they may see.

    ``kinds``: values of AlertKind or EventKind, by ``about``; empty: all. ``level`` and ``row`` say under which object.
    """

    noun = "notification_rule"

    class About(models.TextChoices):
        ALERTS = "alerts", "Alerts"
        EVENTS = "events", "Events"

    class Level(models.TextChoices):
        SYSTEM = "system", "Everything"
        DATACENTER = "datacenter", "Data center"
        CLUSTER = "cluster", "Cluster"
        HOST = "host", "Host"
        VM = "vm", "VM"

    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="notification_rules")
    name = models.CharField(max_length=80)
    enabled = models.BooleanField(default=True)
    about = models.CharField(max_length=10, choices=About.choices, default=About.ALERTS)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)  # and graver
    kinds = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.SYSTEM)
    row = models.BigIntegerField(default=0)
    scope_name = models.CharField(max_length=300, blank=True, default="")  # of the object, as it was when it was saved
    channel = models.CharField(max_length=10, choices=Channel.choices)
    target = models.CharField(max_length=1000)  # mail addresses, or the URL
    tell_resolved = models.BooleanField(default=True)
    fold_minutes = models.PositiveSmallIntegerField(default=10)  # repeats within it are counted, not sent
    salt = models.CharField(max_length=32, default=new_salt)  # makes its webhook's secret (notify/hook.py)
    made_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Delivery(Attempted):
    """One message of one rule on its way. ``thread`` is what it is about: repeats in it are folded."""

    noun = "delivery"

    class Stage(models.TextChoices):
        RAISED = "raised", "Raised"
        RESOLVED = "resolved", "Resolved"
        EVENT = "event", "Event"
        MORE = "more", "Repeats"  # of what was told already: sent when the rule's time is over
        TEST = "test", "Test"

    rule = models.ForeignKey(NotificationRule, on_delete=models.SET_NULL, null=True, related_name="deliveries")
    rule_name = models.CharField(max_length=80)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")  # of the rule
    channel = models.CharField(max_length=10, choices=Channel.choices)
    target = models.CharField(max_length=1000)
    thread = models.CharField(max_length=160)
    stage = models.CharField(max_length=10, choices=Stage.choices)
    alerts = ArrayField(models.BigIntegerField(), default=list, blank=True)  # what it tells of
    folded = models.PositiveIntegerField(default=0)  # how many more times it happened meanwhile
    subject = models.CharField(max_length=200)
    lines = ArrayField(models.CharField(max_length=700), default=list, blank=True)
    told = models.JSONField(default=dict, blank=True)  # what a webhook is told
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-made_at", "-id")
        indexes = [
            models.Index(fields=["rule", "thread", "made_at"], name="delivery_in_thread"),
            models.Index(fields=["made_at"], name="delivery_made_at"),
        ]

    def __str__(self) -> str:
        return self.subject


class NotificationCursor(models.Model):
    """How far the table of events was read for rules: the number of the last one."""

    name = models.CharField(max_length=40, unique=True)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
