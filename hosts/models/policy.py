from django.db import models
from django.utils import timezone


class MigrationPolicy(models.Model):
    """How migrations are steered, under a name. What it says is in its newest version; a change makes a new one."""

    noun = "policy"

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    built_in = models.BooleanField(default=False)  # came with Godwit: keeps its name

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "migration policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """What a policy said from ``made_at`` on. Never altered: the migrations that ran under it point here."""

    policy = models.ForeignKey(MigrationPolicy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    data = models.JSONField()  # hosts/livemigration/policy.py, as_json
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("policy", "-number")
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.policy}, version {self.number}"
