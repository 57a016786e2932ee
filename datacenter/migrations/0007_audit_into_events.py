"""What people ordered stands in the one table of events; a plan says what follows from it."""

from django.db import migrations, models

import hosts.models.correlation

COPY = """
INSERT INTO hosts_event (kind, severity, noun, row, name, verb, field, old, new, because, actor, actor_kind, at,
                         correlation, host_pk, vm_pk, cluster_pk, datacenter_pk, seal)
SELECT CASE WHEN a.refused THEN 'refused' ELSE 'order' END, CASE WHEN a.refused THEN 'warning' ELSE 'notice' END,
       a.noun, a.row, a.name, a.verb, '', '', '', a.detail, a.actor,
       CASE WHEN a.actor LIKE 'policy %' OR a.actor LIKE 'plan %' THEN 'policy' ELSE 'person' END, a.at,
       md5('godwit ' || a.noun || ' ' || coalesce(a.row, -a.id))::uuid, h.id, v.id, c.id, c.datacenter_id, ''
FROM datacenter_auditentry a
LEFT JOIN hosts_vm v ON a.noun = 'vm' AND v.id = a.row
LEFT JOIN hosts_host h ON h.id = CASE WHEN a.noun = 'host' THEN a.row ELSE v.host_id END
LEFT JOIN hosts_cluster c ON c.id = CASE WHEN a.noun = 'cluster' THEN a.row ELSE h.cluster_id END
ORDER BY a.id;
UPDATE datacenter_plan SET correlation = md5('godwit plan ' || id)::uuid;
"""


class Migration(migrations.Migration):
    dependencies = [("datacenter", "0006_roles"), ("hosts", "0011_event")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="correlation",
            field=models.UUIDField(db_index=True, default=hosts.models.correlation.current_order),
        ),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.DeleteModel(name="AuditEntry"),
    ]
