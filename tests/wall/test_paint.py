"""What the frames of a beat hold, what they leave out, and what they cost."""

from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from datacenter.wall import paint
from datacenter.wall.paint import Program
from datacenter.wall.rotation import Rotation, Turn
from datacenter.wall.scenes import SCENES
from datacenter.wall.scope import Scope
from hosts.models import Doubt, Host, Migration, Sample
from hosts.states import HostState, MigrationState, VMState
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db
SYSTEM = Scope(noun="system")


def only(scene, *, forward=False):
    return Rotation(turns=(Turn(scene=scene, seconds=20),), comes_forward=forward)


def frame(scene, scope=SYSTEM, *, forward=False):
    return orjson.loads(frames([Program(scope=scope, rotation=only(scene, forward=forward))])[0])


def frames(programs):
    """Those of one beat, of one scope."""
    scope = programs[0].scope
    seen = paint.look(scope, programs)
    return [found for key in seen.scenes if (found := paint.paint(scope, key, seen))]


@pytest.fixture
def house():
    """Two clusters in two data centers: hosts, VMs, a migration with samples, a silent host."""
    blue, red = make_cluster("blue", datacenter="Main"), make_cluster("red", datacenter="Other")
    one, two = make_host("blue-1", cluster=blue), make_host("blue-2", cluster=blue)
    silent = make_host("red-1", cluster=red, state=str(HostState.NON_RESPONSIVE))
    make_vm("red-vm", host=silent, state=str(VMState.UNKNOWN))
    migration = make_migration(make_vm("blue-vm", host=one), destination=two, state=str(MigrationState.COPYING))
    now = timezone.now()
    for n in range(300):
        at = now - timedelta(seconds=60 - n / 5)
        figures = {"remaining_bytes": (300 - n) * 2**20, "processed_bytes": n * 2**20, "total_bytes": GIB}
        Sample.objects.create(
            migration=migration, at=at, throughput=9e7, dirty_rate=2e7, iteration=1 + n // 100, **figures
        )
    return blue, red


@pytest.mark.parametrize("scene", SCENES)
def test_it_paints_every_scene_of_an_empty_place(scene):
    said = frame(scene)
    assert said["scene"] == scene
    assert said["age_s"] is None
    assert "data-fit" in said["html"]


@pytest.mark.parametrize("scene", SCENES)
def test_it_leads_nowhere_and_holds_nothing_that_acts(house, scene):
    html = frame(scene)["html"]
    for word in ("<a ", "<form", "<button", "<input", "hx-", "<script", " style=", "onclick", "data-live"):
        assert word not in html, word


@pytest.mark.parametrize("scene", SCENES)
def test_it_shows_nothing_from_beyond_its_scope(house, scene):
    blue, red = house
    for scope in (Scope(noun="cluster", pk=blue.pk), Scope(noun="datacenter", pk=blue.datacenter_id)):
        said = frame(scene, scope)
        assert "red" not in str({**said, "version": ""}).replace("rendered", "").replace("remained", ""), scene
    assert frame(scene, Scope(noun="cluster", pk=red.pk))["trouble"]["text"].startswith("red-1 does not answer")


def test_it_shows_nothing_of_a_scope_that_is_no_row(house):
    assert "host-" not in frame("heat", Scope(noun="cluster", pk=0))["html"]


def test_it_draws_the_curves_of_the_last_two_minutes_thinned(house):
    html = frame("migrations")["html"]
    assert html.count('class="throughput"') == 1
    path = html.split('class="throughput" d="')[1].split('"')[0]
    assert path.startswith("M")
    assert 25 <= path.count("L") <= 32  # a minute of samples, one in two seconds
    assert "Copying" in html


def test_it_lets_the_scene_that_shows_a_new_trouble_come_forward(house):
    said = frame("heat", forward=True)
    assert said["scene"] == "alerts"
    assert "red-1 does not answer; its 1 VM may be running" in said["html"]
    assert said["trouble"] == {
        "count": 1, "text": "red-1 does not answer; its 1 VM may be running", "colour": "failed",
    }  # fmt: skip


def test_it_puts_the_gravest_first(house):
    one, two = Host.objects.filter(name__startswith="blue")
    Doubt.objects.create(vm=make_vm("torn", host=one), first=one, second=two, because="Both run it.")
    Migration.objects.update(state=str(MigrationState.POSTCOPY_PAUSED))
    html = frame("alerts")["html"]
    places = [html.index(word) for word in ("torn may have two copies", "red-1 does not answer", "The migration of")]
    assert places == sorted(places)


def test_it_reads_a_scene_once_however_many_displays_show_it(house, django_assert_num_queries, monkeypatch):
    painted = []
    monkeypatch.setattr(paint, "render_to_string", lambda name, context: painted.append(name) or "<p></p>")
    programs = [Program(scope=SYSTEM, rotation=Rotation(turns=(Turn(scene="heat", seconds=s),))) for s in range(5, 55)]
    calm = [
        Program(scope=each.scope, rotation=Rotation(turns=each.rotation.turns, comes_forward=False))
        for each in programs
    ]
    with django_assert_num_queries(6):  # four of what is wrong, one of how old it is, one of the scene
        assert len(frames(calm)) == 1
    assert painted == ["wall/scenes/_heat.html"]


@pytest.mark.parametrize("scene", SCENES)
def test_it_costs_a_handful_of_queries_whatever_the_size(house, scene, django_assert_max_num_queries):
    blue, _ = house
    for number in range(30):
        make_vm(f"v{number}", host=make_host(f"blue-x{number}", cluster=blue))
    with django_assert_max_num_queries(11):
        frame(scene)


def test_it_leaves_a_scene_out_that_fails_and_paints_the_others(house, monkeypatch):
    def fails(name, context):
        if "capacity" in name:
            raise KeyError(name)
        return "<p></p>"

    monkeypatch.setattr(paint, "render_to_string", fails)
    programs = [Program(scope=SYSTEM, rotation=only(scene)) for scene in ("capacity", "heat")]
    assert [orjson.loads(each)["scene"] for each in frames(programs)] == ["heat"]


def test_it_escapes_what_guests_and_hosts_call_themselves():
    make_vm("<img src=x onerror=alert(1)>", host=make_host("<b>h</b>"), state=str(VMState.CRASHED))
    for scene in SCENES:
        html = frame(scene)["html"]
        assert "<img" not in html
        assert "<b>h</b>" not in html
