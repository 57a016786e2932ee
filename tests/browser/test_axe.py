"""axe-core on every page, light and dark, wide and narrow: it finds nothing serious."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Login
from tests.browser.full_house import furnish
from tests.browser.serving import Server
from tests.browser.visits import SIZES, open_dialogs, size_of, visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRAVE = ("serious", "critical")
ALL = {"resultTypes": ["violations"]}
#: what a theme can break; the rest is the same in both
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}


def grave_mistakes(page: Page, name: str, options: dict[str, Any]) -> list[str]:
    """What axe calls serious or critical on the page as it stands, a line each."""
    said = Axe().run(page, options=options).response["violations"]
    return [
        f"{name}: {each['id']}: {node['html'][:200]}: {' '.join(node['failureSummary'].split())[:300]}"
        for each in said
        if each["impact"] in GRAVE
        for node in each["nodes"][:3]
    ]


def in_each_look(page: Page, name: str) -> list[str]:
    """The mistakes in both themes, wide and narrow; the page follows without a reload."""
    found = []
    for theme, options in (("light", ALL), ("dark", COLOURS)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in SIZES:
            page.set_viewport_size(size_of(width))
            found += grave_mistakes(page, f"{name}, {theme}, {width}", options)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    return found


def test_it_finds_nothing_serious_on_any_page(login: Login, server: Server) -> None:
    house = furnish()
    page = login("/", viewport=size_of(1440))
    found = []
    for name, address in house.pages().items():
        visit(page, server.url + address)
        found += in_each_look(page, name)
    assert not found, "\n".join(found)


def test_it_finds_nothing_serious_in_any_dialog(login: Login, server: Server) -> None:
    page = login("/", viewport=size_of(1440))
    found = []
    for name in open_dialogs(page, server, furnish()):
        found += in_each_look(page, name)
    assert not found, "\n".join(found)


def test_it_finds_nothing_serious_at_the_door(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/login")
    found = in_each_look(page, "login")
    page.get_by_role("button", name="Log in").click()
    page.locator(".error").first.wait_for()
    found += in_each_look(page, "login refused")
    page.close()
    assert not found, "\n".join(found)
