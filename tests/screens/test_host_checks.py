"""A host's Checks tab: what is known and not, and what an administrator states; it …"""

import pytest
from django.test import Client

from hosts.models import Host
from tests.screens import factory

pytestmark = pytest.mark.django_db
NOTHING = {"migration_address": "", "locks": "", "keepalive_tuned": "", "migration_tls": ""}


def test_it_says_what_is_not_known_and_how_it_is_mended(otto: Client) -> None:
    page = otto.get(f"/hosts/{factory.host().pk}?tab=checks").content.decode()
    for words in ("keepalive_interval = 1", "Whether guests’ memory".replace("’", "&#x27;"), "Its clock is not known"):
        assert words in page
    assert page.count("Not known</span>") >= 5


def test_it_goes_by_what_an_administrator_states(ada: Client) -> None:
    host = factory.host()
    said = {"migration_address": "10.7.0.3", "locks": "none", "keepalive_tuned": "yes", "migration_tls": "no"}
    assert ada.post(f"/hosts/{host.pk}/state", said)["Location"] == f"/hosts/{host.pk}?tab=checks"
    host.refresh_from_db()
    assert (host.migration_address, host.locks, host.keepalive_tuned, host.migration_tls) == (
        "10.7.0.3",
        "none",
        True,
        False,
    )
    page = ada.get(f"/hosts/{host.pk}?tab=checks").content.decode()
    assert "No locks:" in page
    assert "noticed within 4 s" in page
    assert "comes in at 10.7.0.3" in page.replace("come in", "comes in")


@pytest.mark.parametrize(
    "said",
    [
        {"migration_address": "10.7.0.3; rm -rf /"},
        {"migration_address": "tcp://10.7.0.3"},
        {"migration_address": "<script>"},
        {"locks": "perhaps"},
        {"keepalive_tuned": "maybe"},
        {"migration_address": "x" * 300},
    ],
)
def test_it_refuses_what_makes_no_sense_and_changes_nothing(ada: Client, said: dict[str, str]) -> None:
    host = factory.host()
    ada.post(f"/hosts/{host.pk}/state", NOTHING | said)
    assert Host.objects.get(pk=host.pk).migration_address == ""
    assert Host.objects.get(pk=host.pk).locks == ""


def test_it_refuses_those_who_only_operate(otto: Client) -> None:
    host = factory.host()
    otto.post(f"/hosts/{host.pk}/state", NOTHING | {"locks": "sanlock"})
    assert Host.objects.get(pk=host.pk).locks == ""


def test_it_is_red_where_the_host_does_not_answer_or_its_libvirt_is_too_old(otto: Client) -> None:
    host = factory.host(state="non_responsive", error="No route to host", libvirt_version="4.0.0")
    page = otto.get(f"/hosts/{host.pk}?tab=checks").content.decode()
    assert "No route to host" in page
    assert "4.0.0 is too old" in page


def test_it_warns_of_an_address_outside_the_migration_network(otto: Client) -> None:
    host = factory.host()
    home = host.cluster.datacenter
    home.migration_network, home.migration_subnet = "mig-10g", "10.78.0.0/24"
    home.save()
    Host.objects.filter(pk=host.pk).update(migration_address="10.7.0.3")
    page = otto.get(f"/hosts/{host.pk}?tab=checks").content.decode()
    assert "is not in the migration network mig-10g (10.78.0.0/24)" in page
    Host.objects.filter(pk=host.pk).update(migration_address="10.78.0.3")
    assert "is not in the migration network" not in otto.get(f"/hosts/{host.pk}?tab=checks").content.decode()
