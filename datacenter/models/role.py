"""Roles on the object tree: what one may do, and to whom it is given on what."""

from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from datacenter.models.user import User


class Role(models.Model):
    """A set of verbs under a name. ``shipped``: came with Godwit and stays as it is."""

    noun = "role"

    name = models.CharField(max_length=80, unique=True)
    description = models.CharField(max_length=500, blank=True, default="")
    verbs = ArrayField(models.CharField(max_length=20), default=list)  # values of access.Verb
    shipped = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class RoleBinding(models.Model):
    """A role, given to one user or one group on one object; it reaches all that is below. ``row`` 0: the system."""

    noun = "role_binding"

    class Level(models.TextChoices):
        SYSTEM = "system", "System"
        DATACENTER = "datacenter", "Data center"
        CLUSTER = "cluster", "Cluster"
        HOST = "host", "Host"
        VM = "vm", "VM"

    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="bindings")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="role_bindings")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="role_bindings")
    level = models.CharField(max_length=10, choices=Level.choices)
    row = models.BigIntegerField(default=0)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("level", "row", "role", "id")
        indexes = [models.Index(fields=["level", "row"], name="datacenter__level_row_idx")]
        constraints = [
            models.UniqueConstraint(
                fields=["role", "user", "group", "level", "row"], name="one_binding", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True, group__isnull=False) | Q(user__isnull=False, group__isnull=True),
                name="binding_is_of_a_user_or_a_group",
            ),
            models.CheckConstraint(
                condition=Q(level="system", row=0) | (~Q(level="system") & Q(row__gt=0)), name="binding_has_an_object"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user or self.group}"
