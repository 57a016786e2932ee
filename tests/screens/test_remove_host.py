"""Removing a host in the browser: it …"""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from datacenter.access import OPERATORS
from datacenter.models import User
from hosts.models import Host
from tests.factory import make_host, make_vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_it_is_refused_to_an_operator() -> None:
    operator = User.objects.create_user("olga")
    operator.groups.add(Group.objects.create(name=OPERATORS))
    client = Client()
    client.force_login(operator)
    assert client.post(f"/hosts/{make_host().pk}/remove", headers={"HX-Request": "true"}).status_code == 403
    assert Host.objects.exists()


def test_it_is_not_done_by_following_a_link(admin: Client) -> None:
    assert admin.get(f"/hosts/{make_host().pk}/remove").status_code == 405
    assert Host.objects.exists()


def test_it_is_refused_with_the_reason_while_its_vms_are_known(admin: Client) -> None:
    vm = make_vm()
    answer = admin.post(f"/hosts/{vm.host_id}/remove", headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "keeps the history" in answer.content.decode()


def test_it_leads_to_the_list(admin: Client) -> None:
    answer = admin.post(f"/hosts/{make_host().pk}/remove", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/hosts")
    assert not Host.objects.exists()
    assert admin.post("/hosts/4711/remove").status_code == 404
