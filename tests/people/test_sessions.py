"""Sessions …"""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from datacenter.models import User, UserSession
from datacenter.people import sessions
from hosts.models import Event
from tests.people.conftest import sign_in

pytestmark = pytest.mark.django_db


def test_it_shows_where_one_is_signed_in_and_marks_this_one(vera: User) -> None:
    sign_in("vera", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/605")
    here = sign_in("vera").client
    page = here.get("/account").content.decode()
    assert "Safari on iPhone" in page
    assert "192.0.2.7" in page
    assert page.count("This one") == 1


def test_it_ends_one_of_ones_own(vera: User) -> None:
    there, here = sign_in("vera").client, sign_in("vera").client
    other = UserSession.objects.exclude(key=here.session.session_key).get()
    assert here.post(f"/account/sessions/{other.pk}/end").status_code == 302
    assert there.get("/account").status_code == 302
    assert here.get("/account").status_code == 200
    assert Event.objects.filter(verb="session_ended", actor="vera").exists()


def test_it_ends_all_others(vera: User) -> None:
    there = [sign_in("vera").client for _ in range(3)]
    here = sign_in("vera").client
    here.post("/account/sessions/end")
    assert [client.get("/account").status_code for client in there] == [302] * 3
    assert here.get("/account").status_code == 200


def test_it_ends_no_session_of_another(vera: User, boss: Client, ada: User) -> None:
    here = sign_in("vera").client
    theirs = UserSession.objects.get(user=ada)
    assert here.post(f"/account/sessions/{theirs.pk}/end").status_code == 404
    assert boss.get("/account").status_code == 200


def test_it_lets_an_administrator_end_them(vera: User, boss: Client) -> None:
    there = sign_in("vera").client
    boss.post(f"/administration/users/{vera.pk}/sessions/end")
    assert there.get("/account").status_code == 302
    assert Event.objects.filter(verb="session_ended", actor="ada", name="vera").exists()


def test_it_forgets_one_that_was_signed_out_or_ran_out(vera: User) -> None:
    client = sign_in("vera").client
    client.post("/logout")
    assert not UserSession.objects.exists()
    sign_in("vera")
    Session.objects.update(expire_date=timezone.now() - timedelta(hours=1))
    assert list(sessions.open_sessions(vera)) == []


def test_it_asks_the_database_of_a_session_once_a_minute_only(
    vera: User, django_assert_num_queries: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("vera").client
    client.get("/healthz")
    before = UserSession.objects.get().seen_at
    client.get("/account")
    assert UserSession.objects.get().seen_at == before
    monkeypatch.setattr(sessions, "SEEN_EVERY_S", -1)
    client.get("/account")
    assert UserSession.objects.get().seen_at > before


def test_it_takes_up_a_session_of_before_there_was_a_list(vera: User) -> None:
    client = sign_in("vera").client
    UserSession.objects.all().delete()
    session = client.session
    del session[sessions.NOTE]
    session.save()
    client.get("/account")
    assert UserSession.objects.filter(user=vera, key=client.session.session_key).exists()


def test_it_shows_hostile_agents_as_text(vera: User) -> None:
    client = sign_in("vera", HTTP_USER_AGENT="<script>alert(1)</script>" + "x" * 5000).client
    page = client.get("/account").content.decode()
    assert "<script>alert" not in page
