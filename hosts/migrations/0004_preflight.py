import django.contrib.postgres.fields
from django.db import migrations, models


def _flags(size: int) -> django.contrib.postgres.fields.ArrayField:
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.CharField(max_length=size), blank=True, default=list, size=None
    )


class Migration(migrations.Migration):
    """What preflight checks need to know of hosts and VMs, and what a migration keeps of them."""

    dependencies = [("hosts", "0003_queue")]

    operations = [
        migrations.AddField("host", "cpu_features", _flags(60)),
        migrations.AddField("host", "cpu_models", _flags(100)),
        migrations.AddField("host", "huge_pages", models.JSONField(blank=True, null=True)),
        migrations.AddField("host", "migration_address", models.CharField(blank=True, default="", max_length=253)),
        migrations.AddField(
            "host",
            "locks",
            models.CharField(
                blank=True,
                choices=[
                    ("", "Not known"),
                    ("none", "None"),
                    ("storage", "By the storage (NFSv4, RBD exclusive lock)"),
                    ("virtlockd", "virtlockd"),
                    ("sanlock", "sanlock"),
                ],
                default="",
                max_length=20,
            ),
        ),
        migrations.AddField("host", "keepalive_tuned", models.BooleanField(default=None, null=True)),
        migrations.AddField("host", "migration_tls", models.BooleanField(default=None, null=True)),
        migrations.AddField("vm", "cpu_features", _flags(60)),
        migrations.AddField("vm", "huge_page_bytes", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("vm", "pinned_cpus", models.BooleanField(default=False)),
        migrations.AddField("vm", "snapshots", models.PositiveIntegerField(default=0)),
        migrations.AddField("migration", "copy_disks", models.BooleanField(default=False)),
        migrations.AddField("migration", "parallel", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("migration", "xbzrle", models.BooleanField(default=False)),
        migrations.AddField("migration", "tls", models.BooleanField(default=False)),
        migrations.AddField("migration", "disk_total_bytes", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("migration", "disk_processed_bytes", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField("migration", "checks", models.JSONField(blank=True, default=list)),
        migrations.AddField("migration", "expected", models.JSONField(blank=True, null=True)),
    ]
