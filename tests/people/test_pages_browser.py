"""The pages of accounts, for everybody: axe-core finds nothing serious, and no page scrolls sideways …"""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from datacenter.models import User
from tests.browser.conftest import _server as _server
from tests.browser.conftest import browser as browser
from tests.browser.conftest import server as server
from tests.browser.serving import Server
from tests.browser.test_axe import in_each_look
from tests.browser.visits import size_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    ada = User.objects.create_superuser("ada-" + "x" * 100, first_name="Ada " * 20)
    client = Client()
    client.force_login(ada)
    opened = browser.new_context(base_url=server.url)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}])
    yield opened.new_page()
    opened.close()


def test_they_are_for_everybody(page: Page) -> None:
    pk = User.objects.get().pk
    found = []
    for address in ("account", "account/password", "account/app", "administration/users", f"administration/users/{pk}"):
        page.goto(f"/{address}")
        found += in_each_look(page, address)
        page.set_viewport_size(size_of(390))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{address} scrolls sideways at 390 px")
    assert not found, "\n".join(found)
