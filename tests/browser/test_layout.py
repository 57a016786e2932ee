"""Nothing is wider than its place: no page scrolls sideways, no text leaves its card."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Login
from tests.browser.full_house import furnish
from tests.browser.serving import Server
from tests.browser.visits import SIZES, open_dialogs, size_of, visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TOO_WIDE = """() => {
  const found = [];
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const held = (element) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    if (!text.data.trim() || !text.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const right = range.getBoundingClientRect().right;
    let box = text.parentElement;
    while (box && !held(box) && !box.matches(".card, .sheet, dialog, .title, .btn, main, body")) box = box.parentElement;
    if (!box || held(box)) continue;
    const edge = Math.min(box.getBoundingClientRect().right, room);
    if (right > edge + 1) found.push(`"${text.data.trim().slice(0, 60)}" ends at ${right}, its ${box.className || box.localName} at ${edge}`);
  }
  return found;
}"""  # noqa: E501


def too_wide(page: Page, name: str) -> list[str]:
    found = []
    for width in SIZES:
        page.set_viewport_size(size_of(width))
        found += [f"{name}, {width}: {each}" for each in page.evaluate(TOO_WIDE)]
    return found


def test_it_keeps_everything_in_its_place(login: Login, server: Server) -> None:
    house = furnish()
    page = login("/", viewport=size_of(1440), reduced_motion="reduce")
    found = []
    for name, address in house.pages().items():
        visit(page, server.url + address)
        found += too_wide(page, name)
    for name in open_dialogs(page, server, house):
        found += too_wide(page, name)
    assert not found, "\n".join(found)


def test_it_keeps_the_door_in_its_place(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}/login")
    found = too_wide(page, "login")
    page.close()
    assert not found, "\n".join(found)
