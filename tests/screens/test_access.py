"""Who sees a page. Which address asks for which verb: tests/access."""

import pytest
from django.test import Client

from datacenter.access import Verb
from tests.screens import factory
from tests.screens.pages import addresses

pytestmark = pytest.mark.django_db


def test_it_leads_a_stranger_to_the_login_from_every_address_and_back_after(client: Client) -> None:
    host = factory.host()
    factory.migration(factory.vm(on=host), factory.host("h2"))
    for address in [*addresses().values(), "/hosts/add"]:
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/login?next=/"), address


def test_it_shows_every_page_to_one_who_only_views(vera: Client) -> None:
    host = factory.host()
    factory.migration(factory.vm(on=host), factory.host("h2"))
    for name, address in addresses().items():
        assert vera.get(address).status_code == 200, name


def test_it_tells_the_page_what_a_person_may_do(ada: Client, otto: Client, vera: Client) -> None:
    said = [client.get("/").content.decode().split('data-may="')[1].split('"')[0] for client in (ada, otto, vera)]
    assert set(said[0].split()) == {verb.value for verb in Verb}
    assert set(said[1].split()) == {"view", "console", "power", "migrate", "edit_vm", "maintain", "acknowledge"}
    assert said[2] == "view"


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
