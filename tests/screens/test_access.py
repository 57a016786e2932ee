"""Who sees a page."""

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.screens import factory
from tests.screens.pages import addresses

pytestmark = pytest.mark.django_db
PUBLIC = {"login", "healthz"}


def test_it_leads_a_stranger_to_the_login_from_every_address_and_back_after(client: Client) -> None:
    host = factory.host()
    factory.migration(factory.vm(on=host), factory.host("h2"))
    for address in [*addresses().values(), "/hosts/add"]:
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/login?next=/"), address


def test_it_has_no_address_that_a_stranger_may_open_but_the_listed_ones(client: Client) -> None:
    kept = {"pk": "1", "uuid": "6b8a2f1c-1111-4222-8333-944455556666"}
    for pattern in _patterns():
        if pattern.name in PUBLIC:
            continue
        names = pattern.pattern.converters
        path = "/" + str(pattern.pattern)
        for name, converter in names.items():
            path = path.replace(f"<{'uuid' if name == 'uuid' else 'int'}:{name}>", kept.get(name, "1"))
            assert converter
        assert client.get(path).status_code in (302, 405), path
        assert client.post(path).status_code in (302, 405), path


def _patterns() -> list[URLPattern]:
    found: list[URLPattern] = []
    for entry in get_resolver().url_patterns:
        found += [entry] if isinstance(entry, URLPattern) else list(entry.url_patterns)
    return found


def test_it_shows_every_page_to_one_who_only_views(vera: Client) -> None:
    host = factory.host()
    factory.migration(factory.vm(on=host), factory.host("h2"))
    for name, address in addresses().items():
        assert vera.get(address).status_code == 200, name


def test_it_tells_the_page_what_a_person_may_do(ada: Client, otto: Client, vera: Client) -> None:
    said = [client.get("/").content.decode().split('data-may="')[1].split('"')[0] for client in (ada, otto, vera)]
    assert said == ["view operate administer", "view operate", "view"]


def test_it_says_no_to_a_stranger_without_telling_which_names_exist(client: Client, people: object) -> None:
    wrong = [client.post("/login", {"username": name, "password": "x"}).content.decode() for name in ("ada", "nobody")]
    for page, name in zip(wrong, ("ada", "nobody"), strict=True):
        assert "do not belong together" in page
        assert f'value="{name}"' in page  # what was typed is kept
        assert 'value="x"' not in page


def test_it_leads_back_to_the_page_that_was_asked_for(client: Client, people: object) -> None:
    answer = client.post("/login?next=/vms", {"username": "otto", "password": "rotary-engine", "next": "/vms"})
    assert answer["Location"] == "/vms"


def test_it_never_leads_to_another_site(client: Client, people: object) -> None:
    given = {"username": "otto", "password": "rotary-engine", "next": "https://evil.example/"}
    assert client.post("/login", given)["Location"] == "/"


def test_it_logs_out_by_post_only(otto: Client) -> None:
    assert otto.get("/logout").status_code == 405
    assert otto.post("/logout")["Location"] == "/login"
    assert otto.get("/").status_code == 302


def test_it_refuses_a_form_without_its_token_in_our_words(people: dict) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["otto"])
    vm = factory.vm()
    answer = client.post(f"/vms/{vm.uuid}/power", {"verb": "power_off"})
    assert answer.status_code == 403
    assert "nothing was ordered" in answer.content.decode()


def test_it_allows_no_inline_script_or_style(otto: Client) -> None:
    host = factory.host()
    factory.migration(factory.vm(on=host), factory.host("h2"))
    for name, address in addresses().items():
        answer = otto.get(address)
        page = answer.content.decode()
        assert "script-src 'self'" in answer["Content-Security-Policy"], name
        assert "unsafe" not in answer["Content-Security-Policy"], name
        assert " style=" not in page, name
        assert "<style" not in page, name
        assert " onclick=" not in page, name
        assert page.count("<script") == page.count('<script src="'), name
