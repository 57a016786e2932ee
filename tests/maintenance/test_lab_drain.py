"""Emptying a real host with real workers and the real collector: it …"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from datacenter.access import OPERATORS
from datacenter.maintenance import orders
from datacenter.models import HostHold, Plan, PlanMove, User
from deploy.lab import Lab
from hosts.models import VM, Cluster, Host, Migration
from tests.lab.conftest import lab, standing_lab
from tests.livemigration.conftest import LabPlace, live_lab_place
from tests.livemigration.workers import Worker, eventually
from tests.telemetry.collecting import collecting

__all__ = ["lab", "live_lab_place", "standing_lab"]

pytestmark = pytest.mark.lab

SLOW = {"memory_mb": 128, "dirty_mb": 16, "dirty_rate": 5}
GUESTS = ("one", "two")


@pytest.fixture
def olga(transactional_db: None) -> User:
    user = User.objects.create_user("olga")
    user.groups.add(Group.objects.create(name=OPERATORS))
    return user


@pytest.fixture
def full(lab: Lab, live_lab_place: LabPlace) -> Iterator[LabPlace]:
    """Two guests on h1, and a collector that has seen them."""
    for name in GUESTS:
        live_lab_place.guest(name, **SLOW)
    with collecting():
        eventually(lambda: set(Host.objects.values_list("state", flat=True)) == {"up"}, seconds=30)
        eventually(lambda: VM.objects.filter(host__name="h1", state="up").count() == 2, seconds=30)
        yield live_lab_place


def told() -> str:
    rows = [f"{row}: {row.state}: {row.because}" for row in (*Plan.objects.all(), *Migration.objects.all())]
    return "\n".join([*rows, *(f"{row}: {row.state}: {row.because}" for row in PlanMove.objects.all())])


def state(plan: Plan) -> str:
    return Plan.objects.values_list("state", flat=True).get(pk=plan.pk)


def test_it_empties_a_host_and_gives_it_back(lab: Lab, full: LabPlace, olga: User, tmp_path: Path) -> None:
    with Worker(tmp_path / "worker.log"):
        plan = orders.to_maintenance(olga, [full.hosts["h1"]], "a new disk")
        eventually(lambda: state(plan) == "finished", seconds=90, what=told)
    host = Host.objects.get(name="h1")
    assert (host.state, host.maintenance_reason) == ("maintenance", "a new disk")
    for name in GUESTS:
        assert lab.running_on(name) != ["h1"]
        lab.await_beat(name)
    assert set(PlanMove.objects.values_list("state", flat=True)) == {"done"}
    assert not HostHold.objects.exists()
    orders.activate(olga, host)
    eventually(lambda: Host.objects.get(name="h1").state == "up", seconds=10)


def test_it_is_emptied_by_another_worker_where_one_was_killed(
    lab: Lab, full: LabPlace, olga: User, tmp_path: Path
) -> None:
    lab.slow("h1", 120)  # Mbit/s: the guests take some seconds
    with Worker(tmp_path / "first.log") as first:
        plan = orders.to_maintenance(olga, [full.hosts["h1"]], "")
        eventually(lambda: Migration.objects.filter(state="copying").exists(), seconds=40, what=told)
        first.kill()
    with Worker(tmp_path / "second.log"):
        eventually(lambda: state(plan) == "finished", seconds=120, what=told)
    lab.slow("h1", 0)
    assert Host.objects.get(name="h1").state == "maintenance"
    assert Plan.objects.get(pk=plan.pk).lease_epoch == 2
    for name in GUESTS:
        (where,) = lab.running_on(name)
        assert where != "h1"
    assert Migration.objects.filter(state="done").count() == 2


def test_it_takes_for_done_what_somebody_moves_with_virsh_meanwhile(
    lab: Lab, full: LabPlace, olga: User, tmp_path: Path
) -> None:
    Cluster.objects.update(most_out=1)
    for name in GUESTS:
        lab.dirty(name, 16, 1)
    lab.slow("h1", 100)  # Mbit/s: while the first guest takes its seconds, the second waits; both converge beside
    with Worker(tmp_path / "worker.log"):
        plan = orders.to_maintenance(olga, [full.hosts["h1"]], "")
        eventually(lambda: Migration.objects.filter(state="copying").exists(), seconds=40, what=told)
        waiting = Migration.objects.select_related("vm").get(state="queued").vm.name
        lab.migrate(waiting, "h1", "h3")
        lab.slow("h1", 0)
        eventually(lambda: state(plan) == "finished", seconds=120, what=told)
    assert lab.running_on(waiting) == ["h3"]
    assert Host.objects.get(name="h1").state == "maintenance"
    assert set(PlanMove.objects.values_list("state", flat=True)) == {"done"}
