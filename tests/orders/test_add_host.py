"""Adding a host …"""

import pytest
from django.contrib.auth.models import Group

from datacenter import orders
from datacenter.access import OPERATORS
from datacenter.models import AuditEntry, User
from hosts.models import Host
from tests.factory import make_cluster, make_host, make_vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("root", password="x")


def test_it_is_refused_to_an_operator_and_the_attempt_is_kept() -> None:
    operator = User.objects.create_user("olga")
    operator.groups.add(Group.objects.create(name=OPERATORS))
    with pytest.raises(orders.Forbidden):
        orders.add_host(operator, "qemu+tls://h1.example.com/system", cluster=make_cluster())
    assert not Host.objects.exists()
    assert AuditEntry.objects.get().refused


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("qemu+ext://h1/system?command=/bin/sh", "not an allowed transport"),
        ("qemu+ssh://root@h1/system?keyfile=/etc/shadow", "“keyfile” is not allowed"),
        ("qemu+ssh://h1/system?netcat=/bin/sh", "“netcat” is not allowed"),
        ("qemu+tcp://h1/system?socket=/tmp/x", "“socket” is not allowed"),
        ("qemu+tls://root:secret@h1/system", "password does not belong"),
        ("test:///etc/passwd", "path"),
        ("not a uri", "without spaces"),
        ("", "300 ASCII characters"),
    ],
)
def test_it_is_refused_for_a_uri_that_is_not_listed(admin: User, uri: str, words: str) -> None:
    with pytest.raises(orders.Refused) as refusal:
        orders.add_host(admin, uri, cluster=make_cluster())
    assert words in str(refusal.value)
    assert refusal.value.field == "uri"
    assert not Host.objects.exists()


def test_it_is_refused_for_the_same_uri_twice(admin: User) -> None:
    first = orders.add_host(admin, "qemu+tls://h1.example.com/system", cluster=make_cluster())
    with pytest.raises(orders.Refused, match="has this URI already"):
        orders.add_host(admin, " qemu+tls://h1.example.com/system", cluster=make_cluster())
    assert list(Host.objects.all()) == [first]


def test_it_makes_a_connecting_host_named_as_its_uri(admin: User) -> None:
    host = orders.add_host(admin, "qemu+tls://h1.example.com/system", cluster=make_cluster())
    assert (host.name, host.state) == ("h1.example.com", "connecting")
    assert AuditEntry.objects.get().verb == "add_host"


def test_it_can_be_taken_back_while_nothing_was_seen_on_it(admin: User) -> None:
    host = make_host()
    orders.remove_host(admin, host)
    assert not Host.objects.exists()


def test_it_cannot_be_taken_back_once_vms_were_seen_on_it(admin: User) -> None:
    vm = make_vm()
    with pytest.raises(orders.Refused, match="keeps the history"):
        orders.remove_host(admin, vm.host)
    assert Host.objects.filter(pk=vm.host_id).exists()
