"""Maintenance policies: which hosts, when, how, and what is done on them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from hosts.models import Cluster, Host


class MaintenancePolicy(models.Model):
    """Hosts and windows, under a name. ``terms`` is maintenance/terms.py's as JSON; a plan keeps a copy.

    Its hosts are those of ``cluster`` (all, or those with ``tag``), or the ``hosts`` listed; one cluster in any case.
    """

    noun = "maintenance_policy"

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)  # rises with each change; a form that lags behind is refused
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="maintenance_policies")
    tag = models.CharField(max_length=60, blank=True, default="")
    hosts = models.ManyToManyField(Host, blank=True, related_name="maintenance_policies")

    # its windows
    rule = models.CharField(max_length=300)  # RRULE of RFC 5545 without DTSTART, such as FREQ=WEEKLY;BYDAY=SU
    starts_at_local = models.DateTimeField()  # DTSTART: stored as if UTC, meant in ``zone``
    zone = models.CharField(max_length=60)  # IANA, such as Europe/Berlin
    duration_minutes = models.PositiveIntegerField()
    blackouts = ArrayField(models.CharField(max_length=21), default=list, blank=True)  # "2026-12-24" or "A/B", local

    terms = models.JSONField(default=dict)
    made_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "maintenance policies"

    def __str__(self) -> str:
        return self.name


class WindowRun(models.Model):
    """One occurrence of a policy's window that began: written once, so that no window is served twice."""

    policy = models.ForeignKey(MaintenancePolicy, on_delete=models.CASCADE, related_name="runs")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    plan = models.ForeignKey(
        "datacenter.Plan", on_delete=models.SET_NULL, null=True, blank=True, related_name="windows"
    )
    outcome = models.CharField(max_length=500, blank=True, default="")  # in words; why no plan was made, if none was

    class Meta:
        ordering = ("-starts_at",)
        constraints = [models.UniqueConstraint(fields=["policy", "starts_at"], name="one_run_a_window")]
