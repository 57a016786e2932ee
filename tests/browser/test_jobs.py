"""The drawer of jobs: opened on any page, live, and a migration can be cancelled there."""

import pytest
from playwright.sync_api import Page, expect

from hosts.advance import advance
from hosts.models import Adjustment, Migration
from hosts.states import MigrationState
from tests.browser.conftest import Login
from tests.browser.serving import Server
from tests.screens import factory

pytestmark = pytest.mark.browser


@pytest.fixture
def moving(server: Server) -> Migration:
    return factory.migration(factory.vm("alpha"), factory.host("h2"), state="copying", requested_by="ann")


def opened(page: Page, server: Server) -> Page:
    page.goto(f"{server.url}/hosts")
    expect(page.locator("#live-status")).to_have_text("Live", timeout=15_000)
    page.click("#counts-running")
    expect(page.locator("#jobs[open] #jobs-list")).to_be_visible()
    return page


def test_it_follows_what_runs_and_stays_open(server: Server, login: Login, moving: Migration) -> None:
    page = opened(login(), server)
    job = page.locator(f"#job-migration-{moving.pk}")
    expect(job).to_contain_text("Copying")
    advance(moving, MigrationState.SWITCHING, because="The rest fits.")
    expect(job).to_contain_text("Switching over", timeout=10_000)
    second = factory.migration(factory.vm("beta"), factory.host("h3"), state="queued")
    advance(second, MigrationState.CHECKING, because="There is a place for it.")
    expect(page.locator(f"#job-migration-{second.pk}")).to_contain_text("beta", timeout=10_000)
    expect(page.locator("#jobs")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(page.locator("#jobs")).not_to_be_visible()


def test_it_cancels_after_asking(server: Server, login: Login, moving: Migration) -> None:
    page = opened(login(), server)
    page.locator(f"#job-migration-{moving.pk} button").click()
    expect(page.locator("#confirm")).to_contain_text("Migrate alpha to h2")
    page.click("#confirm [value=yes]")
    expect(page.locator("#toasts")).to_contain_text("Asked for")
    assert Adjustment.objects.get().kind == Adjustment.CANCEL
