from django.db import models
from django.utils import timezone

from hosts.models.vm import VM
from hosts.states import OperationState
from hosts.virt.records import PowerVerb

VERBS = [*((verb.value, verb.value.replace("_", " ")) for verb in PowerVerb), ("measure", "measure")]


class Operation(models.Model):
    """An order on one VM: start, shut down, power off, reboot, pause, resume; or a measurement of its dirty rate."""

    noun = "operation"
    MEASURE = "measure"

    vm = models.ForeignKey(VM, on_delete=models.PROTECT, related_name="operations")
    verb = models.CharField(max_length=20, choices=VERBS)
    state = models.CharField(max_length=20, choices=OperationState.choices(), default=OperationState.QUEUED)
    state_since = models.DateTimeField(default=timezone.now)
    because = models.CharField(max_length=500, blank=True, default="")
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return f"{self.verb} {self.vm}"
