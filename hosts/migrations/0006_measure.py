from django.db import migrations, models


class Migration(migrations.Migration):
    """A measurement of a VM's dirty rate is an operation too."""

    dependencies = [("hosts", "0005_policies")]

    operations = [
        migrations.AlterField(
            "operation",
            "verb",
            models.CharField(
                choices=[
                    ("start", "start"),
                    ("shutdown", "shutdown"),
                    ("power_off", "power off"),
                    ("reboot", "reboot"),
                    ("pause", "pause"),
                    ("resume", "resume"),
                    ("measure", "measure"),
                ],
                max_length=20,
            ),
        ),
    ]
