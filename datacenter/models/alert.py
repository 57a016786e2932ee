"""Alerts: what an operator should look at, raised and resolved by Godwit itself; and when each kind is raised."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from hosts.advance import knows
from hosts.models import Cluster, Host
from hosts.models.event import Severity
from hosts.recording import Place, stands
from hosts.states import AlertState


class AlertKind(models.TextChoices):
    """Each has a rule in datacenter/alerts and a page in docs/runbooks."""

    HOST_SILENT = "host_silent", "Host silent"
    VM_UNKNOWN = "vm_unknown", "VM unknown"
    TWO_COPIES = "two_copies", "Two copies of a VM"
    MIGRATION_LOST = "migration_lost", "Migration lost"
    MIGRATION_STALLED = "migration_stalled", "Migration stalled"
    MOVE_BLOCKED = "move_blocked", "VM blocks a window"
    WINDOW_AT_RISK = "window_at_risk", "Window at risk"
    CPU_HIGH = "cpu_high", "CPU high"
    MEMORY_HIGH = "memory_high", "Memory high"
    CERTIFICATE_EXPIRES = "certificate_expires", "Certificate expires"
    COLLECTOR_SILENT = "collector_silent", "No collector"
    WORKER_SILENT = "worker_silent", "No worker"
    GUARDIAN_SILENT = "guardian_silent", "No guardian"
    DATABASE_DISK = "database_disk", "Database disk"
    CLOCK_SKEW = "clock_skew", "Clocks differ"


class Alert(models.Model):
    """One thing that is wrong with one subject, from when it was first seen until it is over. Then it is history.

    Its subject is the row ``subject_noun`` ``subject_pk``; of Godwit's own ``subject_noun`` is "godwit" and
    ``subject_pk`` 0. ``cause`` is the alert that explains this one: a silent host explains its unknown VMs.
    """

    noun = "alert"

    kind = models.CharField(max_length=40, choices=AlertKind.choices)
    subject_noun = models.CharField(max_length=20)
    subject_pk = models.BigIntegerField(default=0)
    name = models.CharField(max_length=300)  # of the subject then: readable after it is gone
    cause = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="consequences")

    # where in the tree, as an Event says it: for who may see it (access/paths.py), and for rules
    datacenter_pk = models.BigIntegerField(null=True, blank=True)
    cluster_pk = models.BigIntegerField(null=True, blank=True)
    host_pk = models.BigIntegerField(null=True, blank=True)
    vm_pk = models.BigIntegerField(null=True, blank=True)

    state = models.CharField(max_length=20, choices=AlertState.choices(), default=AlertState.OPEN)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")  # of the last change of state
    severity = models.CharField(max_length=10, choices=Severity.choices)
    rank = models.PositiveSmallIntegerField()  # of the severity: the gravest sorts first
    sentence = models.CharField(max_length=500)
    evidence = models.JSONField(default=list, blank=True)  # [[label, words], …]

    raised_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)  # it held at this moment
    clear_since = models.DateTimeField(null=True, blank=True)  # it does not hold since; resolved once that lasts
    returns = models.PositiveIntegerField(default=0)  # times it came back before it was resolved
    resolved_at = models.DateTimeField(null=True, blank=True)

    acknowledged_by = models.CharField(max_length=150, blank=True, default="")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, default="")
    snoozed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("rank", "-raised_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_noun", "subject_pk"],
                condition=~Q(state=AlertState.RESOLVED.value),
                name="one_open_alert_a_subject",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "rank"], name="alert_by_state"),
            models.Index(fields=["subject_noun", "subject_pk"], name="alert_of_subject"),
            models.Index(fields=["resolved_at"], name="alert_resolved_at"),
            models.Index(fields=["host_pk", "state"], name="alert_of_host"),
            models.Index(fields=["vm_pk", "state"], name="alert_of_vm"),
            models.Index(fields=["cluster_pk", "state"], name="alert_of_cluster"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"


class AlertLimit(models.Model):
    """When a kind is raised, in the whole installation (``cluster`` None) or in one cluster. What is None is as above.

    ``threshold`` in percent or days, ``for_s`` seconds that it has to last: alerts/limits.py says what each kind has.
    """

    noun = "alert_limit"

    kind = models.CharField(max_length=40, choices=AlertKind.choices)
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, null=True, blank=True, related_name="alert_limits")
    enabled = models.BooleanField(null=True)
    threshold = models.FloatField(null=True, blank=True)
    for_s = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "cluster"], name="one_limit_a_kind_and_cluster", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} in {self.cluster or 'every cluster'}"


class HostCertificate(models.Model):
    """The certificate that a host's libvirt shows, as it was when it was last looked at; qemu+tls hosts only."""

    host = models.OneToOneField(Host, on_delete=models.CASCADE, related_name="certificate")
    looked_at = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)  # None: not known
    subject = models.CharField(max_length=300, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")  # of the last look

    def __str__(self) -> str:
        return f"Certificate of {self.host}"


def _place(row: Alert) -> Place:
    return Place(datacenter=row.datacenter_pk, cluster=row.cluster_pk, host=row.host_pk, vm=row.vm_pk)


knows(Alert, AlertState)
stands(Alert, _place)
