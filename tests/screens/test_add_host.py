"""The form that adds a host: what is refused, with the reason at its field, and what comes of a good one."""

import re

import pytest
from django.test import Client

from hosts.models import Cluster, DataCenter, Host
from tests.screens import factory

pytestmark = pytest.mark.django_db
GOOD = "qemu+tls://h1.example.com/system"


def errors(page: str) -> dict[str, str]:
    return dict(re.findall(r'id="e-(\w+)">([^<]+)<', page))


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "h1.example.com",
        "qemu+ext://h1/system?command=reboot",
        "qemu+ssh://h1/system?netcat=/tmp/x",
        "qemu+ssh://h1/system?keyfile=/etc/shadow",
        "qemu+unix:///system?socket=/tmp/s",
        "test:///etc/passwd",
        "qemu+tls:///system",
        "qemu+tls://user:secret@h1/system",
        "xen+tls://h1/system",
        "qemu+tls://" + "h" * 300 + "/system",
    ],
)
def test_it_refuses_this_uri_at_its_field_and_keeps_it(ada: Client, uri: str) -> None:
    home = factory.cluster()
    answer = ada.post("/hosts/add", {"uri": uri, "name": "typed", "cluster": home.pk})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert set(errors(page)) == {"uri"}
    assert 'value="typed"' in page
    assert re.search(rf'value="{home.pk}" selected', page)
    assert not Host.objects.exists()


def test_it_adds_a_host_to_a_cluster_and_leads_to_its_page(ada: Client) -> None:
    answer = ada.post("/hosts/add", {"uri": GOOD, "cluster": factory.cluster().pk}, follow=True)
    host = Host.objects.get()
    assert answer.redirect_chain == [(f"/hosts/{host.pk}", 302)]
    assert (host.name, host.state) == ("h1.example.com", "connecting")
    assert "Not read yet" in answer.content.decode()


def test_it_makes_a_new_cluster_in_a_new_data_center(ada: Client) -> None:
    ada.post("/hosts/add", {"uri": GOOD, "new_cluster": "prod", "datacenter": "Main"})
    assert (str(Host.objects.get().cluster), str(DataCenter.objects.get())) == ("prod", "Main")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "cluster"),
        ({"cluster": "999"}, "cluster"),
        ({"new_cluster": "prod"}, "datacenter"),
        ({"new_cluster": "x" * 81, "datacenter": "Main"}, "new_cluster"),
    ],
)
def test_it_names_the_field_at_fault_and_makes_nothing(ada: Client, given: dict, field: str) -> None:
    answer = ada.post("/hosts/add", {"uri": GOOD, **given})
    assert answer.status_code == 422
    assert field in errors(answer.content.decode())
    assert not Cluster.objects.exists()
    assert not Host.objects.exists()


def test_it_refuses_the_same_uri_twice_and_leaves_no_empty_cluster_behind(ada: Client) -> None:
    factory.host("there", uri=GOOD)
    answer = ada.post("/hosts/add", {"uri": GOOD, "new_cluster": "second", "datacenter": "Second"})
    assert "there has this URI already" in errors(answer.content.decode())["uri"]
    assert Host.objects.count() == 1
    assert not DataCenter.objects.filter(name="Second").exists()


def test_it_is_for_administrators(otto: Client) -> None:
    for answer in (otto.get("/hosts/add"), otto.post("/hosts/add", {"uri": GOOD})):
        assert answer.status_code == 403
        assert "Only an administrator may add hosts." in answer.content.decode()
