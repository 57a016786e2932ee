"""One table of all that happened: Transition becomes Event, with a trigger that keeps it as it was written."""

import uuid

from django.db import migrations, models

import hosts.models.correlation

# Colours of states.py as severities, for what was written before there were any.
OLD_ROWS = """
UPDATE hosts_event SET
    correlation = md5('godwit ' || noun || ' ' || row)::uuid,
    severity = CASE
        WHEN new IN ('failed', 'non_responsive', 'crashed', 'postcopy_paused') THEN 'error'
        WHEN new = 'lost' THEN 'critical'
        WHEN new IN ('unknown', 'missing', 'probing', 'stopped', 'asking') THEN 'warning'
        ELSE 'info' END,
    actor_kind = CASE
        WHEN actor = 'outside Godwit' THEN 'outside'
        WHEN actor IN ('Godwit', 'Godwit''s guardian') THEN 'godwit'
        WHEN actor LIKE 'policy %%' OR actor LIKE 'plan %%' THEN 'policy'
        ELSE 'person' END,
    host_pk = CASE WHEN noun = 'host' THEN row END,
    vm_pk = CASE WHEN noun = 'vm' THEN row END;
UPDATE hosts_event e SET vm_pk = m.vm_id, host_pk = m.source_id FROM hosts_migration m
    WHERE e.noun = 'migration' AND e.row = m.id;
UPDATE hosts_event e SET vm_pk = o.vm_id FROM hosts_operation o WHERE e.noun = 'operation' AND e.row = o.id;
UPDATE hosts_event e SET host_pk = v.host_id FROM hosts_vm v WHERE e.vm_pk = v.id AND e.host_pk IS NULL;
UPDATE hosts_event e SET cluster_pk = c.id, datacenter_pk = c.datacenter_id
    FROM hosts_host h JOIN hosts_cluster c ON c.id = h.cluster_id WHERE e.host_pk = h.id;
UPDATE hosts_migration SET correlation = md5('godwit migration ' || id)::uuid;
UPDATE hosts_operation SET correlation = md5('godwit operation ' || id)::uuid;
"""

# The sealing may give an entry its number and its seal, once; the retention may cut. Each says so in a setting that
# is local to its transaction. What the owner of the database does besides, the chain of seals shows.
GUARD = """
CREATE FUNCTION hosts_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    doing text := current_setting('godwit.events', true);
BEGIN
    IF TG_OP = 'DELETE' AND doing = 'retention' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND doing = 'sealing' AND OLD.number IS NULL
       AND (to_jsonb(NEW) - 'number' - 'seal') = (to_jsonb(OLD) - 'number' - 'seal') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Events are never changed or deleted (% of event %).', TG_OP, OLD.id
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER hosts_event_guard BEFORE UPDATE OR DELETE ON hosts_event
    FOR EACH ROW EXECUTE FUNCTION hosts_event_guard();
"""
NO_GUARD = "DROP TRIGGER hosts_event_guard ON hosts_event; DROP FUNCTION hosts_event_guard();"

KINDS = [('state', 'State'), ('order', 'Order'), ('refused', 'Refused'), ('decision', 'Decision'), ('failure', 'Failure'), ('security', 'Security')]
SEVERITIES = [('info', 'Info'), ('notice', 'Notice'), ('warning', 'Warning'), ('error', 'Error'), ('critical', 'Critical')]
ACTORS = [('person', 'Person'), ('policy', 'Policy'), ('token', 'Token'), ('godwit', 'Godwit'), ('outside', 'Outside Godwit')]


def add(name, field, model="event"):
    return migrations.AddField(model_name=model, name=name, field=field)


def alter(name, field):
    return migrations.AlterField(model_name="event", name=name, field=field)


def whole():
    return models.BigIntegerField(blank=True, null=True)


class Migration(migrations.Migration):
    dependencies = [("hosts", "0010_forecast")]

    operations = [
        migrations.RenameModel("Transition", "Event"),
        migrations.RemoveIndex(model_name="event", name="hosts_trans_noun_4ebb6c_idx"),
        migrations.RemoveIndex(model_name="event", name="hosts_trans_at_531f75_idx"),
        alter("noun", models.CharField(max_length=40)),
        alter("row", models.BigIntegerField(null=True)),
        alter("field", models.CharField(blank=True, default="", max_length=20)),
        alter("new", models.CharField(blank=True, default="", max_length=300)),
        alter("because", models.CharField(blank=True, default="", max_length=500)),
        add("kind", models.CharField(choices=KINDS, default="state", max_length=10)),
        add("severity", models.CharField(choices=SEVERITIES, default="info", max_length=10)),
        add("verb", models.CharField(blank=True, default="", max_length=40)),
        add("before", models.JSONField(blank=True, null=True)),
        add("after", models.JSONField(blank=True, null=True)),
        add("actor_kind", models.CharField(choices=ACTORS, default="godwit", max_length=10)),
        add("correlation", models.UUIDField(default=uuid.uuid4)),
        add("datacenter_pk", whole()),
        add("cluster_pk", whole()),
        add("host_pk", whole()),
        add("vm_pk", whole()),
        add("number", models.BigIntegerField(blank=True, null=True, unique=True)),
        add("seal", models.CharField(blank=True, default="", max_length=64)),
        add("correlation", models.UUIDField(db_index=True, default=hosts.models.correlation.current_order), "migration"),
        add("correlation", models.UUIDField(db_index=True, default=hosts.models.correlation.current_order), "operation"),
        migrations.RunSQL(OLD_ROWS.replace("%%", "%"), migrations.RunSQL.noop),
        migrations.AddIndex("event", models.Index(fields=["noun", "row", "at"], name="event_of_row")),
        migrations.AddIndex("event", models.Index(fields=["at", "id"], name="event_at")),
        migrations.AddIndex("event", models.Index(fields=["correlation"], name="event_correlation")),
        migrations.AddIndex("event", models.Index(fields=["vm_pk", "at"], name="event_of_vm")),
        migrations.AddIndex("event", models.Index(fields=["host_pk", "at"], name="event_of_host")),
        migrations.AddIndex(
            "event", models.Index(condition=models.Q(("number", None)), fields=["id"], name="event_unsealed")
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
