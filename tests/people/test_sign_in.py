"""The door …"""

import pytest
from django.test import Client

from datacenter.models import User, UserSession
from hosts.models import Event, EventKind
from tests.people.conftest import PASSWORD, sign_in

pytestmark = pytest.mark.django_db


def told(verb: str) -> list[Event]:
    return list(Event.objects.filter(verb=verb, kind=EventKind.SECURITY).order_by("pk"))


def test_it_lets_in_who_knows_the_password_and_writes_it_down(vera: User) -> None:
    answer = sign_in("vera", REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0")
    assert answer["Location"] == "/"
    assert answer.client.get("/account").status_code == 200
    (event,) = told("sign_in")
    assert (event.actor, event.name, event.because) == ("vera", "vera", "By password, from 192.0.2.7.")
    (session,) = UserSession.objects.filter(user=vera)
    assert session.address == "192.0.2.7"
    assert "Firefox" in session.agent


def test_it_refuses_a_wrong_password_without_telling_what_was_wrong(vera: User) -> None:
    answers = [sign_in(name, "wrong").content.decode() for name in ("vera", "nobody")]
    assert all("do not belong together" in answer for answer in answers)
    assert [event.name for event in told("sign_in_failed")] == ["vera", "a name that does not exist"]


def test_it_keeps_no_password_that_was_typed_as_a_name(vera: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        sign_in("my-secret-passphrase", "wrong-password-too")
        sign_in("vera", PASSWORD)
    for event in Event.objects.all():
        assert "my-secret" not in f"{event.name}{event.because}{event.actor}{event.before}{event.after}"
    assert "my-secret" not in caplog.text
    assert PASSWORD not in caplog.text


def test_it_refuses_a_deactivated_account_as_a_wrong_password(vera: User) -> None:
    User.objects.update(is_active=False)
    assert "do not belong together" in sign_in("vera").content.decode()
    assert told("sign_in_failed")[0].because.startswith("The account is deactivated")


def test_it_locks_out_after_five_failed_tries_and_says_until_when(vera: User) -> None:
    codes = [sign_in("vera", "wrong").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 200, 429]
    page = sign_in("vera", PASSWORD)
    assert page.status_code == 429
    assert "Too many failed tries" in page.content.decode()
    assert "data-at>" in page.content.decode()
    assert page.client.get("/account").status_code == 302
    assert len(told("sign_in_failed")) == 4
    assert len(told("lock_out")) == 1


def test_it_locks_nobody_out_from_another_address(vera: User) -> None:
    for _ in range(5):
        sign_in("vera", "wrong", REMOTE_ADDR="192.0.2.7")
    assert sign_in("vera", REMOTE_ADDR="192.0.2.8").status_code == 302


def test_it_reads_tries_again_when_the_time_is_over(vera: User, settings: object) -> None:
    from datetime import timedelta

    from axes.models import AccessAttempt
    from django.utils import timezone

    for _ in range(5):
        sign_in("vera", "wrong")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert sign_in("vera").status_code == 302


def test_it_forgets_failures_when_somebody_comes_in(vera: User) -> None:
    for _ in range(4):
        sign_in("vera", "wrong")
    assert sign_in("vera").status_code == 302
    assert [sign_in("vera", "wrong").status_code for _ in range(4)] == [200] * 4


def test_it_survives_a_name_that_no_database_could_keep(vera: User) -> None:
    assert sign_in("a\x00b", "wrong").status_code == 200
    assert sign_in("x" * 5000, "wrong").status_code == 200


def test_it_leads_to_the_password_first_and_to_nothing_else(vera: User) -> None:
    User.objects.filter(pk=vera.pk).update(must_change_password=True)
    client = sign_in("vera").client
    assert client.get("/vms")["Location"] == "/account/password"
    assert client.get("/vms", HTTP_HX_REQUEST="true")["HX-Redirect"] == "/account/password"
    assert client.post("/account/sessions/end")["Location"] == "/account/password"
    given = {"old_password": PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert "another one than before" in client.post("/account/password", given).content.decode()
    given |= {"new_password1": "difference-engine", "new_password2": "difference-engine"}
    assert client.post("/account/password", given)["Location"] == "/"
    assert client.get("/vms").status_code == 200
    assert told("password_changed")
    assert sign_in("vera", "difference-engine").status_code == 302


def test_it_ends_other_sessions_when_the_password_changes_and_keeps_this_one(vera: User) -> None:
    here, there = sign_in("vera").client, sign_in("vera").client
    given = {"old_password": PASSWORD, "new_password1": "difference-engine", "new_password2": "difference-engine"}
    here.post("/account/password", given)
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert UserSession.objects.filter(user=vera).count() == 1


def test_it_asks_for_a_second_factor_where_the_installation_wants_one(vera: User, settings: object) -> None:
    settings.REQUIRE_SECOND_FACTOR = True  # type: ignore[attr-defined]
    client = sign_in("vera").client
    assert client.get("/vms")["Location"] == "/account/factor"
    assert client.get("/account/factor").status_code == 200
    assert client.get("/account/app")["Location"].startswith("/account/prove")


def test_it_offers_no_sign_up_and_no_mail_confirmation(client: Client) -> None:
    for address in ("/signup", "/accounts/signup/", "/login/signup", "/password/reset", "/accounts/email/"):
        assert client.get(address).status_code == 404, address
