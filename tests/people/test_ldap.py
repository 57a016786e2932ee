"""People of a directory (a real slapd, over TLS) …"""

from collections.abc import Iterator
from typing import Any

import ldap
import pytest
from django.conf import settings as present
from django.contrib.auth.models import Group

from datacenter.models import User
from hosts.models import Event
from tests.people.conftest import PASSWORD as LOCAL
from tests.people.conftest import sign_in
from tests.people.directory import BASE, PASSWORD, Directory, is_there

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not is_there(), reason="Debian's slapd is missing (apt-get install -y slapd)"),
]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    directory = Directory(tmp_path_factory.mktemp("slapd")).start()
    yield directory
    directory.stop()


@pytest.fixture(autouse=True)
def by_directory(slapd: Directory, settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [*present.AUTHENTICATION_BACKENDS, "datacenter.people.ldap.Directory"]
    settings.LDAP_URL, settings.LDAP_STARTTLS, settings.LDAP_CA = slapd.url, True, str(slapd.certificate)
    settings.LDAP_BIND, settings.LDAP_PASSWORD = f"cn=reader,{BASE}", "reader-secret"
    settings.LDAP_USERS = settings.LDAP_GROUPS = BASE


def groups_of(name: str) -> set[str]:
    return set(Group.objects.filter(user__username=name).values_list("name", flat=True))


def test_it_lets_them_in_and_mirrors_their_groups_under_names_of_their_own() -> None:
    Group.objects.create(name="Operators")
    assert sign_in("ann", PASSWORD)["Location"] == "/"
    ann = User.objects.get(username="ann")
    assert (ann.source, ann.first_name, ann.email) == ("ldap", "Ann", "ann@example.com")
    assert not ann.has_usable_password()
    assert not ann.is_superuser
    assert groups_of("ann") == {"ldap/vm-admins", "ldap/Operators"}
    event = Event.objects.get(verb="groups_changed", name="ann")
    assert event.after == ["ldap/Operators", "ldap/vm-admins"]


def test_it_takes_away_what_the_directory_took_away_and_leaves_what_is_ours(slapd: Directory) -> None:
    sign_in("ann", PASSWORD)
    User.objects.get(username="ann").groups.add(Group.objects.create(name="Night shift"))
    member = [f"uid=ann,{BASE}".encode()]
    other = [f"uid=admin,{BASE}".encode()]
    slapd.change("cn=vm-admins", [(ldap.MOD_REPLACE, "member", other)])
    try:
        sign_in("ann", PASSWORD)
        assert groups_of("ann") == {"ldap/Operators", "Night shift"}
    finally:
        slapd.change("cn=vm-admins", [(ldap.MOD_REPLACE, "member", member)])


@pytest.mark.parametrize("password", ["wrong", "", " "])
def test_it_refuses_a_wrong_password_and_makes_no_account(password: str) -> None:
    assert sign_in("ann", password).status_code == 200
    assert not User.objects.exists()


def test_it_never_opens_an_account_of_godwits_own() -> None:
    User.objects.create_superuser("admin", password=LOCAL + "-other")
    assert sign_in("admin", PASSWORD).status_code == 200
    assert sign_in("Admin", PASSWORD).status_code == 200
    assert groups_of("admin") == set()
    assert sign_in("admin", LOCAL + "-other").status_code == 302


@pytest.mark.parametrize("name", ["*", "a*", "star*", "ann)(uid=*", "ann\\2a", "uid=ann," + BASE, "*)(objectClass=*"])
def test_it_takes_no_filter_for_a_name(name: str) -> None:
    assert sign_in(name, PASSWORD).status_code == 200
    assert not User.objects.exists()


def test_it_lets_in_only_the_group_that_may(settings: Any) -> None:
    settings.LDAP_ONLY = f"cn=others,{BASE}"
    assert sign_in("ann", PASSWORD).status_code == 200
    settings.LDAP_ONLY = f"cn=vm-admins,{BASE}"
    assert sign_in("ann", PASSWORD).status_code == 302


def test_it_locks_out_as_for_everybody() -> None:
    assert [sign_in("ann", "wrong").status_code for _ in range(5)][-1] == 429
    assert sign_in("ann", PASSWORD).status_code == 429


def test_it_sends_no_password_to_a_directory_that_is_not_the_one(settings: Any) -> None:
    settings.LDAP_CA = "/etc/ssl/certs/ca-certificates.crt"
    assert sign_in("ann", PASSWORD).status_code == 200


def test_it_goes_on_for_local_accounts_when_the_directory_is_away(settings: Any, vera: User) -> None:
    settings.LDAP_URL = "ldap://127.0.0.1:1"
    assert sign_in("ann", PASSWORD).status_code == 200
    assert sign_in("vera", LOCAL).status_code == 302


def test_it_lets_a_deactivated_account_stay_out() -> None:
    sign_in("ann", PASSWORD)
    User.objects.update(is_active=False)
    assert sign_in("ann", PASSWORD).status_code == 200


def test_it_keeps_no_secret_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        sign_in("ann", "a-wrong-secret")
        sign_in("ann", PASSWORD)
    for secret in ("a-wrong-secret", PASSWORD, "reader-secret"):
        assert secret not in caplog.text


def test_it_pins_for_the_tests_what_it_pins_for_people() -> None:
    from tests.browser.serving import ROOT

    wanted = {line for line in (ROOT / "requirements-ldap.txt").read_text().splitlines() if "==" in line}
    assert wanted <= set((ROOT / "requirements-dev.txt").read_text().splitlines())
