"""Roles on the object tree. Who was in the group "Operators" keeps what that group could do, by two roles on the system.

The other shipped roles are made after each migrate (datacenter/access/ship.py), and brought up to date there.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

OPERATORS = {
    "Host operator": ["acknowledge", "maintain", "migrate", "view"],
    "VM operator": ["acknowledge", "console", "edit_vm", "migrate", "power", "view"],
}


def give_operators_their_roles(apps, schema_editor):
    """Also plain users, who could see everything until now, go on seeing it."""
    Role, RoleBinding = apps.get_model("datacenter", "Role"), apps.get_model("datacenter", "RoleBinding")
    given = {"level": "system", "row": 0, "made_by": "Godwit"}
    for group in apps.get_model("auth", "Group").objects.filter(name="Operators"):
        for name, verbs in OPERATORS.items():
            role, _ = Role.objects.get_or_create(name=name, defaults={"verbs": verbs, "shipped": True})
            RoleBinding.objects.get_or_create(role=role, group=group, user=None, **given)
    viewers = apps.get_model("datacenter", "User").objects.filter(is_superuser=False).exclude(groups__name="Operators")
    for user in viewers:
        role, _ = Role.objects.get_or_create(name="Read-only", defaults={"verbs": ["view"], "shipped": True})
        RoleBinding.objects.get_or_create(role=role, user=user, group=None, **given)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("datacenter", "0005_reportdelivery_next_at"),
    ]

    operations = [
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("description", models.CharField(blank=True, default="", max_length=500)),
                (
                    "verbs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), default=list, size=None
                    ),
                ),
                ("shipped", models.BooleanField(default=False)),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="RoleBinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("system", "System"),
                            ("datacenter", "Data center"),
                            ("cluster", "Cluster"),
                            ("host", "Host"),
                            ("vm", "VM"),
                        ],
                        max_length=10,
                    ),
                ),
                ("row", models.BigIntegerField(default=0)),
                ("made_by", models.CharField(max_length=150)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="role_bindings",
                        to="auth.group",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bindings", to="datacenter.role"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="role_bindings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("level", "row", "role", "id"),
                "indexes": [models.Index(fields=["level", "row"], name="datacenter__level_row_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("role", "user", "group", "level", "row"), name="one_binding", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group__isnull", False), ("user__isnull", True)),
                            models.Q(("group__isnull", True), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="binding_is_of_a_user_or_a_group",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("level", "system"), ("row", 0)),
                            models.Q(models.Q(("level", "system"), _negated=True), ("row__gt", 0)),
                            _connector="OR",
                        ),
                        name="binding_has_an_object",
                    ),
                ],
            },
        ),
        migrations.RunPython(give_operators_their_roles, migrations.RunPython.noop, elidable=True),
    ]
