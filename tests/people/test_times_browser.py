"""Times on the screen …"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from datacenter.models import User
from tests.browser.conftest import _server as _server
from tests.browser.conftest import browser as browser
from tests.browser.conftest import server as server
from tests.browser.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MADE = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    ada = User.objects.create_superuser("ada", date_joined=MADE)
    client = Client()
    client.force_login(ada)
    opened = browser.new_context(base_url=server.url, timezone_id="Asia/Tokyo")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}])
    yield opened.new_page()
    opened.close()


def test_it_writes_them_in_the_zone_of_the_browser_until_one_is_chosen_and_utc_on_hover(page: Page) -> None:
    ada = User.objects.get()
    page.goto(f"/administration/users/{ada.pk}")
    made = page.locator("dt:has-text('Made') + dd time")
    expect(made).to_have_text(re.compile(r"^1 Feb( 2026)?, 08:30$"))
    assert made.get_attribute("title") == "2026-01-31 23:30:00 UTC"
    page.goto("/account")
    expect(page.locator("[data-browser-zone]")).to_have_text("Asia/Tokyo")
    page.get_by_label("Times are shown in").select_option("America/New_York")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    page.goto(f"/administration/users/{ada.pk}")
    expect(made).to_have_text(re.compile(r"^31 Jan( 2026)?, 18:30$"))


def test_it_rewrites_what_comes_later_before_it_is_seen(page: Page) -> None:
    page.goto("/account")
    text = page.evaluate(
        """async () => {
          const time = '<time id="new" datetime="2026-06-01T12:00:00+00:00" data-at>x UTC</time>';
          document.querySelector("main").insertAdjacentHTML("beforeend", time);
          await null; await new Promise((done) => requestAnimationFrame(done));
          return document.getElementById("new").textContent;
        }"""
    )
    assert text.endswith("21:00")
