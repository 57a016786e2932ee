"""Wall displays and the screens that show them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import datacenter.models.display


class Migration(migrations.Migration):

    dependencies = [("datacenter", "0007_audit_into_events")]

    operations = [
        migrations.CreateModel(
            name="Display",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80, unique=True)),
                ("scope", models.CharField(choices=[("system", "Everything"), ("datacenter", "Data center"), ("cluster", "Cluster")], default="system", max_length=12)),
                ("scope_pk", models.BigIntegerField(blank=True, null=True)),
                ("scenes", models.JSONField(default=datacenter.models.display.rotation)),
                ("comes_forward", models.BooleanField(default=True)),
                ("theme", models.CharField(choices=[("dark", "Dark"), ("light", "Light")], default="dark", max_length=10)),
                ("handle", models.CharField(max_length=16, unique=True)),
                ("secret_hash", models.CharField(max_length=64)),
                ("link_made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("made_by", models.CharField(max_length=150)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_by", models.CharField(blank=True, default="", max_length=150)),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="DisplayScreen",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=32)),
                ("address", models.CharField(blank=True, default="", max_length=45)),
                ("size", models.CharField(blank=True, default="", max_length=20)),
                ("version", models.CharField(blank=True, default="", max_length=20)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("display", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="screens", to="datacenter.display")),
            ],
            options={
                "ordering": ("-seen_at",),
                "indexes": [models.Index(fields=["display", "seen_at"], name="display_screens_seen")],
            },
        ),
    ]
