"""Every address × every role that comes with Godwit: what the role allows is done, the rest is refused and kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from datacenter.access import SYSTEM, Verb, can
from datacenter.access.verbs import SHIPPED
from datacenter.models import User
from hosts.models import Event
from tests.access.tree import Tree, plant
from tests.access.urls_and_verbs import LISTS, NEEDS, OWN, PUBLIC, Need
from tests.people import give

pytestmark = pytest.mark.django_db
ROLES = [each.name for each in SHIPPED]
DONE = (200, 204, 302, 303, 400, 405, 409, 422)


@pytest.fixture
def tree() -> Tree:
    return plant()


def addresses() -> Iterator[tuple[str, str]]:
    """(name, route) of every address, and how deep it lies."""
    yield from _below(get_resolver().url_patterns, "/")


def _below(patterns: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for each in patterns:
        if isinstance(each, URLPattern):
            yield str(each.name), prefix + str(each.pattern)
        else:
            assert isinstance(each, URLResolver)
            yield from _below(each.url_patterns, prefix + str(each.pattern))


def filled(route: str, tree: Tree, need: Need | None) -> str:
    """The address with the sample's keys in it."""
    while "<" in route:
        begin, _, rest = route.partition("<")
        inner, _, end = rest.partition(">")
        value = tree.key(inner.rpartition(":")[2], need.of if need else "")
        route = f"{begin}{value}{end}"
    return route


def asked(client: Client, route: str, tree: Tree, need: Need | None) -> HttpResponse:
    """The answer; what it did is rolled back by the caller."""
    address = filled(route, tree, need)
    if need is None or need.posts is None:
        return client.get(address)
    samples = {name: getattr(tree, name) for name in ("host", "cluster", "plan", "user", "read_only")}
    return client.post(address, {name: text.format(**samples) for name, text in need.posts.items()})


def target_of(need: Need, tree: Tree) -> Any:
    return {"": None, "system": SYSTEM}.get(need.at) if need.at in ("", "system") else getattr(tree, need.at)


def test_every_address_is_known() -> None:
    known = PUBLIC | OWN | LISTS | NEEDS.keys()
    unknown = {name for name, route in addresses() if name not in known and not route.startswith("/api/")}
    assert unknown == set(), "add them to tests/access/urls_and_verbs.py"


def test_a_stranger_is_led_to_the_login_from_all_but_the_public_ones(client: Client, tree: Tree) -> None:
    for name, route in addresses():
        if name in PUBLIC:
            continue
        answer = asked(client, route, tree, NEEDS.get(name))
        if route.startswith("/api/"):
            assert answer.status_code in (401, 404, 405), route
        elif name not in OWN:
            assert answer.status_code in (302, 405), route
            assert answer.status_code == 405 or answer["Location"].startswith("/login"), route


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_what_its_verbs_say_and_nothing_else(role: str, tree: Tree) -> None:
    person = User.objects.create_user("pat")
    give(person, role, on=tree.cluster.datacenter)
    _try_all(person, tree)


@pytest.mark.parametrize("role", ["Administrator", "Read-only"])
def test_a_role_on_the_system_reaches_everything(role: str, tree: Tree) -> None:
    person = User.objects.create_user("pat")
    give(person, role)
    _try_all(person, tree)


def test_a_role_in_another_data_center_does_not_even_tell_what_there_is(tree: Tree) -> None:
    there = plant("there")
    person = User.objects.create_user("pat")
    give(person, "Data-center administrator", on=there.cluster.datacenter)
    _try_all(person, tree)


def test_without_a_role_nothing_is_there(tree: Tree) -> None:
    _try_all(User.objects.create_user("pat"), tree)


def _try_all(person: User, tree: Tree) -> None:
    client = Client(raise_request_exception=True)
    client.force_login(person)
    wrong = [said for name, route in addresses() if (said := _wrong(client, person, tree, name, route))]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _wrong(client: Client, person: User, tree: Tree, name: str, route: str) -> str:
    """What is wrong with the answer; "" if nothing is."""
    if name in PUBLIC or name in OWN or route.startswith("/api/"):
        return ""
    need = NEEDS.get(name)
    with transaction.atomic():
        before = _refusals()
        code = asked(client, route, tree, need).status_code
        kept = _refusals() > before
        transaction.set_rollback(True)
    if need is None:
        return "" if code in (*DONE, 404) else f"{name}: {code}"
    target = target_of(need, tree)
    if can(person, need.verb, target):
        return "" if code in DONE and not kept else f"{name}: allowed, and answered {code}, refused: {kept}"
    if need.verb is Verb.VIEW or (isinstance(target, Model) and not can(person, Verb.VIEW, target)):
        return "" if code in (403, 404) else f"{name}: may not be seen, and answered {code}"
    return "" if code == 403 or (need.quiet and kept) else f"{name}: not allowed, and answered {code}"


def _refusals() -> int:
    return Event.orders.filter(kind="refused", because="Not permitted.").count()
