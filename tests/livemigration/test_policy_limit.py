"""What a policy says of how many move at once: it …"""

import pytest

from hosts.livemigration.admission import admit_now
from hosts.livemigration.terms import newest, ship
from hosts.models import Migration
from tests.factory import make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


def test_it_holds_beside_the_clusters_own_limits() -> None:
    """oVirt's Very large VMs: one at a time on a host, whatever its cluster allows."""
    source, cluster = make_host(), make_cluster()
    version = newest(ship("Very large VMs"))
    for _ in range(2):
        make_migration(make_vm(host=source), destination=make_host(cluster=cluster), policy=version)
    admit_now()
    rows = list(Migration.objects.order_by("pk"))
    assert [row.state for row in rows] == ["checking", "queued"]
    assert rows[1].waits_for == f"{source} already sends 1 of 1"


def test_it_is_the_clusters_where_the_policy_has_none() -> None:
    source = make_host()
    for _ in range(3):
        make_migration(make_vm(host=source), policy=newest(ship("Adaptive")))
    admit_now()
    assert sorted(Migration.objects.values_list("state", flat=True)) == ["checking", "checking", "queued"]
