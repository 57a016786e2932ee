from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from hosts.models.host import Host
from hosts.models.vm import VM


class Doubt(models.Model):
    """Two hosts hold a copy of one VM and nobody may start, resume or migrate it until one of them is gone.

    Opened by the guardian, resolved by the guardian alone: when all hosts that answer hold one copy at most.
    ``evidence`` is what each host says, side by side, newest: a list of dicts with ``host`` (pk), ``name``, ``state``,
    ``reason``, ``cpu_time_s`` (of its QEMU, null where not told) and ``seen_at`` (ISO text).
    """

    noun = "doubt"
    SUSPEND, END, RESUME = "suspend", "end", "resume"
    REMEDIES = (SUSPEND, END, RESUME)

    vm = models.ForeignKey(VM, on_delete=models.PROTECT, related_name="doubts")
    first = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="doubts_first")
    second = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="doubts_second")
    because = models.CharField(max_length=500)
    evidence = models.JSONField(default=list)
    opened_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True, default="")

    # what a person ordered: the guardian does it, after it has looked again
    remedy = models.CharField(max_length=20, blank=True, default="")  # one of REMEDIES
    remedy_host = models.ForeignKey(Host, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    remedy_by = models.CharField(max_length=150, blank=True, default="")
    remedy_error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ("-opened_at",)
        constraints = [
            models.UniqueConstraint(fields=["vm"], condition=Q(resolved_at=None), name="one_open_doubt_a_vm"),
            models.CheckConstraint(condition=~Q(first=F("second")), name="doubt_has_two_hosts"),
        ]

    def __str__(self) -> str:
        return f"{self.vm} on {self.first} and {self.second}"

    @classmethod
    def about(cls, vm: VM) -> "Doubt | None":
        """The open one about this VM: nothing may start, resume, stop or move it meanwhile."""
        return cls.objects.select_related("vm", "first", "second").filter(vm=vm, resolved_at=None).first()

    @property
    def forbids(self) -> str:
        """Why an action is refused, in a sentence."""
        where = f"{self.first} and {self.second}"
        return f"{self.vm} may have two copies, on {where}; until one is gone nothing is done to it."
