import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("datacenter", "0004_planmove_position_chosen"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportdelivery",
            name="next_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
    ]
