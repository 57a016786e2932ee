"""Shared by all browser tests: `browser` (Chromium), `server` (uvicorn on the test database), `login` (a page)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.serving import Server

CHROMIUM = "/usr/bin/chromium"
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a module: Playwright's event loop must not outlive it, or pytest's own could not run."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is missing (apt-get install -y chromium)")
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in this very thread
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def _server(django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with django_db_blocker.unblock():
        server = Server(log=tmp_path_factory.mktemp("web") / "uvicorn.log").start()
    yield server
    server.stop()


@pytest.fixture
def server(transactional_db: None, _server: Server) -> Server:
    """The real application, for the whole run; what a test writes is committed, so the server sees it."""
    return _server


Login = Callable[..., Page]


@pytest.fixture
def login(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Login]:
    """``login("/vms")``: a page in a context of its own, signed in as an administrator (or as ``user``).

    ``to`` is another Server. Scripts that fail and resources that the content policy blocks fail the test at its end.
    """
    contexts = []
    mistakes: list[str] = []

    def open_page(path: str = "/", *, user: object | None = None, to: Server | None = None, **context: object) -> Page:
        where = to or request.getfixturevalue("server")
        client = Client()
        client.force_login(user or _administrator())
        opened = browser.new_context(**context)
        contexts.append(opened)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": where.url}])
        page = opened.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda said: mistakes.append(said.text) if "Content Security" in said.text else None)
        page.goto(where.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not mistakes


def _administrator() -> object:
    users = get_user_model().objects  # without a password: hashing one takes half a second
    return users.filter(username="admin").first() or users.create_superuser("admin")
