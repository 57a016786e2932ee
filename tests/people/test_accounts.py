"""Administration of accounts …"""

import re
import threading

import pytest
from django.db import connection
from django.test import Client

from datacenter.access import SHELL
from datacenter.models import User, UserSession
from datacenter.people import accounts
from hosts.models import Event
from tests.people.conftest import PASSWORD, sign_in

pytestmark = pytest.mark.django_db


def verbs() -> list[str]:
    return list(Event.objects.filter(noun="user").order_by("pk").values_list("verb", flat=True))


def shown(page: str) -> str:
    found = re.search(r'id="password">([^<]+)<', page)
    assert found
    return found[1]


@pytest.mark.parametrize("address", ["users", "users/add", "users/1"])
def test_it_is_for_administrators_alone(vera: User, address: str) -> None:
    client = Client()
    client.force_login(vera)
    assert client.get(f"/administration/{address}").status_code == 403


def test_it_refuses_each_deed_to_others(vera: User, ada: User) -> None:
    client = Client()
    client.force_login(vera)
    for deed in ("deactivate", "factor", "unlock", "promote", "demote", "password", "sessions/end", "activate"):
        assert client.post(f"/administration/users/{ada.pk}/{deed}").status_code == 403, deed
    with pytest.raises(accounts.Refused):
        accounts.deactivate(vera, ada)
    assert User.objects.get(pk=ada.pk).is_active


def test_it_makes_an_account_with_a_password_that_is_shown_once(boss: Client) -> None:
    page = boss.post("/administration/users/add", {"username": "mary", "name": "Mary", "email": "m@example.com"})
    password = shown(page.content.decode())
    assert "no-store" in page["Cache-Control"]
    mary = User.objects.get(username="mary")
    assert mary.must_change_password
    assert password not in boss.get(f"/administration/users/{mary.pk}").content.decode()
    assert password not in "".join(map(str, Event.objects.values_list("because", "after")))
    assert sign_in("mary", password).client.get("/vms")["Location"] == "/account/password"
    assert "user_added" in verbs()


@pytest.mark.parametrize("name", ["", "ada", "ADA", "Godwit", "anonymous", "two words", "a<b>", "x" * 151])
def test_it_refuses_a_name_that_would_mean_another(boss: Client, name: str) -> None:
    answer = boss.post("/administration/users/add", {"username": name})
    assert answer.status_code == 422
    assert "e-username" in answer.content.decode()
    assert User.objects.count() == 1


def test_it_resets_a_password_and_ends_what_was_open(boss: Client, vera: User) -> None:
    there = sign_in("vera").client
    password = shown(boss.post(f"/administration/users/{vera.pk}/password").content.decode())
    assert there.get("/account").status_code == 302
    assert sign_in("vera", PASSWORD).status_code == 200
    assert sign_in("vera", password).status_code == 302
    assert "password_reset" in verbs()


def test_it_deactivates_and_activates(boss: Client, vera: User) -> None:
    there = sign_in("vera").client
    boss.post(f"/administration/users/{vera.pk}/deactivate")
    assert there.get("/account").status_code == 302
    assert not UserSession.objects.filter(user=vera).exists()
    assert sign_in("vera").status_code == 200
    boss.post(f"/administration/users/{vera.pk}/activate")
    assert sign_in("vera").status_code == 302


def test_it_never_lets_the_last_administrator_go(boss: Client, ada: User, vera: User) -> None:
    page = boss.post(f"/administration/users/{ada.pk}/deactivate", follow=True).content.decode()
    assert "your own account" in page
    page = boss.post(f"/administration/users/{ada.pk}/demote", follow=True).content.decode()
    assert "the last administrator" in page
    with pytest.raises(accounts.Refused, match="last administrator"):
        accounts.deactivate(SHELL, ada)
    boss.post(f"/administration/users/{vera.pk}/promote")
    boss.post(f"/administration/users/{ada.pk}/demote")
    ada.refresh_from_db()
    assert not ada.is_superuser
    with pytest.raises(accounts.Refused, match="last administrator"):
        accounts.deactivate(SHELL, User.objects.get(pk=vera.pk))


def test_it_does_not_count_an_administrator_who_is_deactivated(ada: User) -> None:
    User.objects.create_superuser("old", is_active=False)
    with pytest.raises(accounts.Refused, match="last administrator"):
        accounts.deactivate(SHELL, ada)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_one_of_two_who_deactivate_each_other_at_once() -> None:
    pair = [User.objects.create_superuser(name) for name in ("ada", "eve")]
    barrier = threading.Barrier(2)

    def deactivate(actor: User, user: User) -> None:
        barrier.wait(10)
        try:
            accounts.deactivate(actor, user)
        except accounts.Refused:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=deactivate, args=args) for args in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert User.objects.filter(is_active=True, is_superuser=True).count() == 1


def test_it_unlocks(boss: Client, vera: User) -> None:
    for _ in range(5):
        sign_in("vera", "wrong", REMOTE_ADDR="192.0.2.7")
    assert "Locked out" in boss.get("/administration/users").content.decode()
    assert "Unlock" in boss.get(f"/administration/users/{vera.pk}").content.decode()
    boss.post(f"/administration/users/{vera.pk}/unlock")
    assert sign_in("vera", REMOTE_ADDR="192.0.2.7").status_code == 302
    assert "Locked out" not in boss.get("/administration/users").content.decode()


def test_it_lists_with_filters_and_as_many_queries_for_one_as_for_thirty(
    boss: Client, django_assert_max_num_queries: object
) -> None:
    User.objects.bulk_create(User(username=f"u{number}") for number in range(30))
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        page = boss.get("/administration/users").content.decode()
    assert "u29" in page
    assert "u29" not in boss.get("/administration/users?active=False").content.decode()
    assert boss.get("/administration/users?source=ldap&sort=-seen").status_code == 200


def test_it_makes_the_first_administrator_once(db: None) -> None:
    made = accounts.first_administrator(SHELL)
    assert made
    user, password = made
    assert user.is_superuser
    assert user.must_change_password
    assert sign_in("admin", password).status_code == 302
    assert accounts.first_administrator(SHELL) is None


def test_it_makes_an_administrator_where_a_plain_user_has_the_name(db: None) -> None:
    User.objects.create_user("admin")
    made = accounts.first_administrator(SHELL)
    assert made
    assert made[0].username.startswith("admin-")


def test_it_rescues_from_the_command_line(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    from django.core.management import call_command

    User.objects.update(is_active=False, is_superuser=False)
    call_command("makeadmin", rescue="ada")
    password = capsys.readouterr().out.split()[-1]
    assert sign_in("ada", password).client.get("/account/password").status_code == 200


def test_it_makes_no_administrator_of_one_whom_a_role_lets_look_after_accounts(ada: User, vera: User) -> None:
    from datacenter.models import Role, RoleBinding

    desk = Role.objects.create(name="Help desk", verbs=["administer", "view"])
    RoleBinding.objects.create(role=desk, user=vera, level="system", row=0)
    client = Client()
    client.force_login(vera)
    assert client.get("/administration/users").status_code == 200
    for deed in ("password", "deactivate", "factor", "demote"):
        client.post(f"/administration/users/{ada.pk}/{deed}")
    client.post(f"/administration/users/{vera.pk}/promote")
    answer = client.post("/administration/users/add", {"username": "mary", "administrator": "on"})
    assert answer.status_code == 422
    ada.refresh_from_db()
    assert (ada.is_active, ada.is_superuser, ada.check_password(PASSWORD)) == (True, True, True)
    assert list(User.objects.filter(is_superuser=True)) == [ada]
    assert client.post("/administration/users/add", {"username": "mary"}).status_code == 200
