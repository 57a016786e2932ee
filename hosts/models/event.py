"""What happened, one row each: states, orders, refusals, decisions, failures. Written once, sealed, never altered."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone


class EventKind(models.TextChoices):
    STATE = "state", "State"  # a row went from one state to another
    ORDER = "order", "Order"  # somebody asked for it, and it was taken
    REFUSED = "refused", "Refused"  # somebody asked for it, and it was not
    DECISION = "decision", "Decision"  # Godwit or a policy chose, and says why
    FAILURE = "failure", "Failure"  # what should have worked did not
    SECURITY = "security", "Security"  # who may come in, and what may be done by whom


class Severity(models.TextChoices):
    """From the least to the gravest: ``at_least`` depends on the order."""

    INFO = "info", "Info"
    NOTICE = "notice", "Notice"  # a person may want to know
    WARNING = "warning", "Warning"  # may need a person soon
    ERROR = "error", "Error"  # something did not work
    CRITICAL = "critical", "Critical"  # a VM may be lost or doubled, or nobody can say

    @classmethod
    def at_least(cls, least: str) -> list[str]:
        """``least`` and all that are graver. ValueError if there is no such severity."""
        return cls.values[cls.values.index(least) :]


class ActorKind(models.TextChoices):
    PERSON = "person", "Person"
    POLICY = "policy", "Policy"
    TOKEN = "token", "Token"  # a script, by the API
    GODWIT = "godwit", "Godwit"
    OUTSIDE = "outside", "Outside Godwit"  # nobody here ordered it


class Changes(models.Manager["Event"]):
    """Those that say what became of a field: "state", "host" when a VM moved, "off", "doubt"."""

    def get_queryset(self) -> "models.QuerySet[Event]":
        return super().get_queryset().exclude(field="")


class Orders(models.Manager["Event"]):
    """What people ordered, or tried to."""

    def get_queryset(self) -> "models.QuerySet[Event]":
        return super().get_queryset().filter(kind__in=[EventKind.ORDER, EventKind.REFUSED])


class Event(models.Model):
    """One thing that happened to one row: what, because of what, who, when. Written by hosts/recording.py.

    The ``*_pk`` columns say where in the tree it happened, as it was then; no foreign keys, since the entry outlives
    what it tells of. A trigger of the database refuses to change or delete one; ``number`` and ``seal`` are given
    afterwards, once (hosts/chain).
    """

    kind = models.CharField(max_length=10, choices=EventKind.choices, default=EventKind.STATE)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.INFO)
    noun = models.CharField(max_length=40)  # host, vm, migration, operation, plan, user …
    row = models.BigIntegerField(null=True)  # None: what was asked for never came to be
    name = models.CharField(max_length=300)  # of the row then: readable after it is gone
    verb = models.CharField(max_length=40, blank=True, default="")  # of an order: "power_off", "migrate"
    field = models.CharField(max_length=20, blank=True, default="")  # of a change: "state", "host"
    old = models.CharField(max_length=300, blank=True, default="")
    new = models.CharField(max_length=300, blank=True, default="")
    because = models.CharField(max_length=500, blank=True, default="")  # the reason; of an order: its details
    before = models.JSONField(null=True, blank=True)  # settings that were changed, as they were
    after = models.JSONField(null=True, blank=True)
    actor = models.CharField(max_length=150)
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices, default=ActorKind.GODWIT)
    at = models.DateTimeField(default=timezone.now)

    correlation = models.UUIDField(default=uuid4)  # one order and all that follows from it
    datacenter_pk = models.BigIntegerField(null=True, blank=True)
    cluster_pk = models.BigIntegerField(null=True, blank=True)
    host_pk = models.BigIntegerField(null=True, blank=True)  # of a migration: its source
    vm_pk = models.BigIntegerField(null=True, blank=True)

    number = models.BigIntegerField(null=True, blank=True, unique=True)  # its place in the chain, from 1, no gaps
    seal = models.CharField(max_length=64, blank=True, default="")  # SHA-256 over the seal before it and this entry

    objects: models.Manager["Event"] = models.Manager()
    changes = Changes()
    orders = Orders()

    class Meta:
        ordering = ("-at", "-id")
        indexes = [
            models.Index(fields=["noun", "row", "at"], name="event_of_row"),
            models.Index(fields=["at", "id"], name="event_at"),
            models.Index(fields=["correlation"], name="event_correlation"),
            models.Index(fields=["vm_pk", "at"], name="event_of_vm"),
            models.Index(fields=["host_pk", "at"], name="event_of_host"),
            models.Index(fields=["id"], name="event_unsealed", condition=Q(number=None)),
        ]

    @property
    def refused(self) -> bool:
        return self.kind == EventKind.REFUSED

    def __str__(self) -> str:
        return f"{self.noun} {self.name}: {self.verb or self.new}"
