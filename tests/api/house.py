"""A small simulated data center with one row of every noun the API tells of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from datacenter.maintenance import plans
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import AffinityGroup, MaintenancePolicy, User
from hosts.livemigration.shipped import BY_HAND
from hosts.livemigration.terms import ship
from hosts.models import Doubt, Operation, Sample
from tests.factory import make_cluster, make_host, make_migration, make_vm


def furnish(owner: User) -> dict[str, Any]:
    """The rows, and under ``path`` the ids by which the API finds them: template of the address -> parameters."""
    cluster = make_cluster("sim")
    h1, h2, h3 = (make_host(f"sim{number}", cluster=cluster) for number in (1, 2, 3))
    vms = [make_vm(f"vm{number}", host=host) for number, host in enumerate((h1, h1, h2, h3, h3))]
    moving = make_migration(vms[2], destination=h3, state="copying", started_at=timezone.now())
    for number in range(3):
        Sample.objects.create(
            migration=moving, at=moving.requested_at + timedelta(seconds=number), remaining_bytes=9 - number,
            processed_bytes=number, total_bytes=9, throughput=1.0, dirty_rate=2.0 * number or None, iteration=1,
        )  # fmt: skip
    operation = Operation.objects.create(vm=vms[0], verb="shutdown", requested_by="ann", state="done")
    terms = Terms(steps=(StepTerms(kind="confirm", params={"text": "Look at the fans."}),))
    plan = plans.make_plan(owner, [h1], title="Fans", reason="", terms=terms)
    begins = datetime(2026, 11, 29, 2, tzinfo=UTC)
    policy = MaintenancePolicy.objects.create(
        name="Sundays",
        cluster=cluster,
        rule="FREQ=WEEKLY;BYDAY=SU",
        starts_at_local=begins,
        zone="Europe/Berlin",
        duration_minutes=240,
        terms=Terms().as_json(),
        made_by="ann",
    )
    group = AffinityGroup.objects.create(name="pair", together=False)
    group.vms.set(vms[:2])
    doubt = Doubt.objects.create(vm=vms[3], first=h3, second=h2, because="Two copies.")
    seat = plan.hosts.get()
    return {
        "datacenters": {"pk": cluster.datacenter_id},
        "clusters": {"pk": cluster.pk},
        "hosts": {"pk": h1.pk},
        "vms": {"uuid": str(vms[0].uuid)},
        "operations": {"pk": operation.pk},
        "migrations": {"pk": moving.pk},
        "plans": {
            "pk": plan.pk, "host": seat.pk, "move": seat.moves.order_by("pk")[0].pk, "step": seat.steps.get().pk,
        },
        "maintenance-policies": {"pk": policy.pk},
        "migration-policies": {"pk": ship(BY_HAND).pk},
        "affinity": {"pk": group.pk},
        "doubts": {"pk": doubt.pk},
    }  # fmt: skip
