"""The frame in a real browser: keys, theme, drawer, columns, dialogs; nothing scrolls sideways, axe finds nothing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.screens import factory
from tests.screens.pages import addresses

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def place(transactional_db: None) -> None:
    """Two hosts, a VM with a hostile name, one that migrates."""
    home = factory.cluster()
    first, second = factory.host("h1", in_cluster=home), factory.host("h2", in_cluster=home)
    factory.vm("ж" * 120, on=first)
    factory.migration(factory.vm("web", on=first), second, state="copying")
    factory.vm("db", on=second)


def column(page: Page, key: str):
    return page.locator(f"#list td.c-{key}").first


def test_it_scrolls_no_page_sideways_on_a_phone(login, place):
    page = login("/", viewport=NARROW)
    base = page.url.rstrip("/")
    for name, address in addresses().items():
        if name == "tree":  # a fragment, not a page
            continue
        page.goto(base + address)
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name


def test_it_goes_where_the_keys_say(login, place):
    page = login("/")
    page.keyboard.press("g")
    page.keyboard.press("v")
    expect(page).to_have_url(re.compile(r"/vms$"))
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.locator("#filter-q")).to_be_focused()
    page.keyboard.type("gh")  # letters, not orders, while one types
    expect(page).to_have_url(re.compile(r"/vms\?q=gh$"))
    expect(page.locator("#list")).to_contain_text("Nothing matches")


def test_it_filters_without_a_reload_and_back_brings_the_list_back(login, place):
    page = login("/vms")
    page.evaluate("window.stayed = true")
    page.locator("label", has_text="Up").locator("visible=true").first.click()
    expect(page).to_have_url(re.compile(r"state=up"))
    page.locator("th.c-cpu a").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("CPU")
    page.locator("#filter-q").fill("we")
    expect(page).to_have_url(re.compile(r"q=we.*sort=-cpu|sort=-cpu.*q=we"))  # the form keeps the sort
    expect(page.locator("#chips")).to_contain_text("Up1")  # counted anew
    assert page.evaluate("window.stayed")
    page.go_back()
    expect(page.locator("#filter-q")).to_have_value("")
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Name")
    expect(page.locator(".side")).to_be_visible()


def test_it_keeps_the_theme_and_the_columns_of_this_browser(login, place):
    page = login("/vms", color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.locator("summary[title=Theme]").click()
    page.locator("[data-theme=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.locator("summary[title=Columns]").click()
    page.locator("[data-columns] input[value=cpu]").uncheck()
    expect(column(page, "cpu")).to_be_hidden()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(column(page, "cpu")).to_be_hidden()
    page.locator("th a", has_text="Host").click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Host")
    expect(column(page, "cpu")).to_be_hidden()  # after a swap too


def test_it_opens_the_tree_and_folds_the_navigation_by_a_key(login, place):
    page = login("/")
    page.keyboard.press("t")
    expect(page.locator("#tree-body a", has_text="h1")).to_be_visible()
    wide = page.locator("#side").bounding_box()["width"]
    page.keyboard.press("[")
    page.wait_for_timeout(300)
    assert page.locator("#side").bounding_box()["width"] < wide / 2


def test_it_makes_the_navigation_a_drawer_on_a_phone(login, place):
    page = login("/", viewport=NARROW)
    expect(page.locator("#side")).to_be_hidden()
    page.locator("[data-drawer]").click()
    page.locator("#side a", has_text="Hosts").click()
    expect(page).to_have_url(re.compile(r"/hosts$"))


def test_it_asks_before_power_off_and_does_nothing_on_no(login, place):
    page = login("/vms?q=db")
    page.locator("#list a.name").click()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.locator("button", has_text="Power off").first.click()
    expect(page.locator("#confirm")).to_contain_text("Power off db?")
    page.locator("#confirm button", has_text="No").click()
    expect(page.locator("#confirm")).to_be_hidden()
    assert asked == []
    page.locator("button", has_text="Power off").first.click()
    page.locator("#confirm button", has_text="Power off").click()
    expect(page.locator("#toasts")).to_contain_text("db is being powered off.")


def test_it_migrates_from_the_dialog_and_keeps_what_was_typed(login, place):
    page = login("/vms?q=db")  # finds UUIDs too
    page.locator("#list").get_by_role("link", name="db", exact=True).first.click()
    page.locator("a", has_text="Migrate…").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("h1 now")
    dialog.get_by_text("Options", exact=True).click()
    dialog.locator("#id_bandwidth_mib").fill("fast")
    dialog.locator("button.primary").click()
    expect(dialog.locator("#e-bandwidth_mib")).to_be_visible()
    expect(dialog.locator("#id_bandwidth_mib")).to_have_value("fast")
    dialog.locator("#id_bandwidth_mib").fill("50")
    dialog.locator("button.primary").click()
    expect(page).to_have_url(re.compile(r"/migrations/\d+$"), timeout=15_000)
