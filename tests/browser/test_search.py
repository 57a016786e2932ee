"""Searching in a real browser: the palette by keyboard, queries with completion, and tagging all that match."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from datacenter.orders import bulk
from hosts.models import VM
from tests.screens import factory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def place(transactional_db: None) -> None:
    """Sixty web VMs, more than a page, and one database."""
    host = factory.host("rack-one")
    factory.vm("database", on=host)
    VM.objects.bulk_create([factory.vm(f"web-{n:02}", on=host, save=False) for n in range(60)])


def grave(page: Page) -> list[str]:
    said = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in said if each["impact"] in ("serious", "critical")]


def test_it_goes_anywhere_by_keyboard(login, place):
    page = login("/")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    expect(page.locator("#palette-q")).to_be_focused()
    page.keyboard.type("databa")
    expect(page.locator("#palette-results .found")).to_have_count(1)
    expect(page.locator("#palette-results [aria-selected=true]")).to_contain_text("database")
    assert grave(page) == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/vms/[0-9a-f-]{36}$"))
    page.keyboard.press("/")  # a page without a list: the palette
    page.locator("#palette-q").fill("dark th")
    expect(page.locator("#palette-results [aria-selected=true]")).to_contain_text("Dark theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_it_fits_a_telephone(login, place):
    page = login("/", viewport=NARROW)
    page.locator("[data-palette]").click()
    page.locator("#palette-q").fill("web")
    expect(page.locator("#palette-results .found").first).to_contain_text("web-00")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert grave(page) == []
    page.locator("#palette-results .found").first.click()
    expect(page).to_have_url(re.compile(r"/vms/"))


def test_it_completes_a_query_and_marks_a_mistake(login, place):
    page = login("/vms")
    box = page.locator("#filter-q")
    box.press_sequentially("sta")
    expect(page.locator("#filter-offers [role=option]")).to_have_text(re.compile("status"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("status ")
    box.press_sequentially("= sleepy")
    expect(page.locator("#filter-mistake mark")).to_have_text("sleepy")
    expect(box).to_have_attribute("aria-invalid", "true")
    assert grave(page) == []
    box.fill("status = up and name = data*")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.locator("#filter-mistake")).to_be_hidden()
    expect(page).to_have_url(re.compile("name"))


def test_it_tags_all_that_match(login, place):
    page = login("/vms?q=web")
    page.locator("[data-pick-all]").check()
    expect(page.locator("[data-bulk]")).to_contain_text("50 VMs chosen")
    page.get_by_role("button", name="All 60 that match").click()
    expect(page.locator("[data-bulk]")).to_contain_text("60 VMs chosen: all that match")
    page.locator("[data-bulk]").get_by_role("button", name="Tag…", exact=True).click()
    page.locator("#bulk-tags").fill("gold")
    page.get_by_role("button", name="Look at it first").click()
    expect(page.locator("#dialog")).to_contain_text("60 VMs will be changed")
    assert grave(page) == []
    page.get_by_role("button", name="Tag: 60 VMs").click()
    expect(page).to_have_url(re.compile(r"/bulk/\d+$"))
    expect(page.locator("main")).to_contain_text("0 of 60 had their turn")
    bulk.carry_out_all()  # what a worker does
    expect(page.locator("main")).to_contain_text("60 of 60 had their turn")  # without a reload
    assert grave(page) == []
    assert VM.objects.filter(tags=["gold"]).count() == 60
    page.goto(page.url.partition("/bulk")[0] + "/vms?q=tag+%3D+gold")
    expect(page.locator("[data-bulk]")).to_be_hidden()  # what was ordered is no longer chosen
    expect(page.locator("#list .pager")).to_contain_text("of 60")
