"""Displays as administrators give them out."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from datacenter.models import Display, DisplayScreen
from hosts.models import Event
from tests.factory import make_cluster
from tests.people import give
from tests.wall.displays import make_display

pytestmark = pytest.mark.django_db
LINK = re.compile(r"http://testserver/wall/([a-z2-7]{10}\.[\w-]{43})")
GIVEN = {
    "name": "left",
    "scope": "system",
    "theme": "dark",
    "comes_forward": "on",
    "seconds_heat": "20",
    "place_heat": "1",
}


def as_(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada():
    return as_(get_user_model().objects.create_superuser("ada"))


@pytest.fixture
def blue():
    return make_cluster("blue")


@pytest.fixture
def bert(blue):
    """May give out displays of one data center, and of nothing else."""
    user = get_user_model().objects.create_user("bert")
    give(user, "Data-center administrator", on=blue.datacenter)
    return as_(user)


def test_it_shows_the_link_once_and_it_works(ada):
    answer = ada.post("/walls/new", GIVEN | {"seconds_events": "15", "place_events": "2"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    link = LINK.search(answer.content.decode())[1]
    display = Display.objects.get()
    assert display.scenes == [["heat", 20], ["events", 15]]
    assert Client().get(f"/wall/{link}").status_code == 200
    for address in ("/walls", f"/walls/{display.pk}", f"/walls/{display.pk}/edit"):
        page = ada.get(address)
        assert page.status_code == 200
        assert not LINK.search(page.content.decode())
    assert link not in str(list(Event.objects.values()))


def test_it_gives_out_what_one_may_give_out_and_no_more(bert, blue):
    red = make_cluster("red", datacenter="Other")
    page = bert.get("/walls/new").content.decode()
    assert f"cluster:{blue.pk}" in page
    assert f"cluster:{red.pk}" not in page
    assert "All data centers" not in page
    for scope in ("system", f"cluster:{red.pk}", f"datacenter:{red.datacenter_id}"):
        answer = bert.post("/walls/new", GIVEN | {"scope": scope})
        assert answer.status_code == 422, scope
        assert "wider than what you may" in answer.content.decode()
    assert not Display.objects.exists()
    assert Event.objects.filter(verb="make_display", kind="refused").count() == 3
    assert bert.post("/walls/new", GIVEN | {"scope": f"cluster:{blue.pk}"}).status_code == 200


def test_nobody_widens_one_that_is_there(bert, blue):
    mine, _ = make_display(of=blue)
    assert bert.post(f"/walls/{mine.pk}/edit", GIVEN).status_code == 422
    mine.refresh_from_db()
    assert mine.scope == "cluster"


def test_nobody_touches_one_of_elsewhere(bert):
    wide, _ = make_display("wide")
    for address in ("", "/edit", "/preview"):
        assert bert.get(f"/walls/{wide.pk}{address}").status_code == 403, address
    for address in ("/edit", "/link", "/end"):
        assert bert.post(f"/walls/{wide.pk}{address}", GIVEN).status_code == 403, address
    assert "wide" not in bert.get("/walls").content.decode()
    assert Display.objects.get().revoked_at is None


def test_who_gives_out_nothing_is_offered_nothing():
    viewer = get_user_model().objects.create_user("vera")
    give(viewer, "Read-only")
    client = as_(viewer)
    assert client.get("/walls").status_code == 403
    assert 'href="/walls"' not in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scope": "cluster:999999"}, "is not there"),
        ({"scope": "vm:1"}, "is not there"),
        ({"scope": "cluster:-1"}, "is not there"),
        ({"seconds_heat": ""}, "at least one scene"),
        ({"seconds_heat": "2"}, "Seconds, 5 to 3600"),
        ({"seconds_heat": "1e9"}, "at least one scene"),
        ({"good_until": "soon"}, "see below"),
        ({"name": ""}, "see below"),
        ({"theme": "pink"}, "see below"),
    ],
)
def test_it_says_what_is_wrong_and_makes_nothing(ada, wrong, says):
    answer = ada.post("/walls/new", GIVEN | wrong)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Display.objects.exists()


def test_two_displays_have_two_names(ada):
    make_display("left")
    answer = ada.post("/walls/new", GIVEN)
    assert answer.status_code == 422
    assert "already" in answer.content.decode()


def test_it_ends_one_and_a_new_link_starts_it_again(ada):
    display, link = make_display()
    assert ada.post(f"/walls/{display.pk}/end")["Location"] == "/walls"
    assert Client().get(f"/wall/{link}").status_code == 410
    answer = ada.post(f"/walls/{display.pk}/link")
    fresh = LINK.search(answer.content.decode())[1]
    assert Client().get(f"/wall/{link}").status_code == 404
    assert Client().get(f"/wall/{fresh}").status_code == 200
    assert set(Event.objects.values_list("verb", flat=True)) >= {"end_display", "replace_link"}


def test_it_tells_which_screens_are_on_since_when_and_from_where(ada):
    now = timezone.now()
    display, _ = make_display("left")
    told = {"display": display, "size": "3840x2160", "version": "old"}
    DisplayScreen.objects.create(**told, address="10.9.8.7", opened_at=now - timedelta(days=40), seen_at=now)
    DisplayScreen.objects.create(**told, address="10.1.1.1", seen_at=now - timedelta(hours=2))
    row = ada.get("/walls").content.decode()
    assert "On</span>" in row
    assert "10.9.8.7" in row
    assert "10.1.1.1" not in row  # off
    assert "40 d" in row
    page = ada.get(f"/walls/{display.pk}").content.decode()
    assert page.count("an older one (old)") == 2
    assert "3840x2160" in page


def test_the_preview_is_no_link(ada):
    display, link = make_display()
    page = ada.get(f"/walls/{display.pk}/preview").content.decode()
    assert "data-preview" in page
    assert link not in page
    given = re.search(r'data-link="([^"]+)"', page)[1]
    assert Client().get(f"/wall/{given}").status_code == 404
    assert Client().get(f"/walls/{display.pk}/preview").status_code == 302


def test_an_empty_list_says_what_to_do(ada):
    assert "Make one, open its link" in ada.get("/walls").content.decode()
