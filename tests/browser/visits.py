"""Going through all pages and dialogs, for tests of what holds on each."""

from collections.abc import Callable, Iterator

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.full_house import House
from tests.browser.serving import Server

SIZES = (1440, 390)
PATIENCE_MS = 30_000


def size_of(width: int) -> ViewportSize:
    return {"width": width, "height": 900 if width > 600 else 844}


def visit(page: Page, url: str) -> None:
    """Open a page; the live path has answered then, and charts have drawn."""
    answer = page.goto(url)
    assert answer, url
    assert answer.status < 500, f"{url} answered {answer.status}: {page.title()}"
    if page.locator("#live-status").count():
        expect(page.locator("#live-status")).to_have_text("Live", timeout=PATIENCE_MS)
    if page.locator(".migration-chart").count():
        page.locator(".migration-chart[data-count]").wait_for(timeout=PATIENCE_MS)
    if page.locator("[data-curves]").count():
        page.wait_for_timeout(200)  # a curve without history draws nothing that could be waited for


def open_dialogs(page: Page, server: Server, house: House) -> Iterator[str]:
    """Open each dialog in turn on a wide page, and name it."""

    def fresh(address: str) -> None:
        page.set_viewport_size(size_of(1440))
        visit(page, server.url + address)

    vm = house.pages()["VM, disks"]
    fresh(vm)
    page.locator("main .actions").get_by_text("Migrate…").click()
    page.locator("#dialog[open] form").wait_for()
    page.locator("#dialog").get_by_text("Options", exact=True).click()
    yield "migrate dialog"
    fresh(vm)
    page.locator("main .actions").get_by_text("Power off").click()
    page.locator("#confirm[open]").wait_for()
    yield "power off, asked"
    fresh(vm)
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    yield "keys"
    fresh(house.pages()["migration, running"])
    page.get_by_label("Bandwidth limit, MiB/s").fill("20")
    page.locator(".migration-knobs form").first.get_by_role("button").click()
    page.locator("#toasts .toast-line").first.wait_for()
    page.locator(".migration-samples summary").click()
    page.locator(".migration-samples tbody tr").first.wait_for()
    yield "a toast, and samples as a table"
    yield from _maintenance_dialogs(page, fresh, house)
    fresh("/vms")
    page.locator('[data-toggles="tree"][aria-controls="tree"]').first.click()
    page.locator("#tree-body a").first.wait_for()
    yield "tree"
    fresh("/hosts/add")
    page.get_by_role("button", name="Add host").click()
    page.locator(".error").first.wait_for()
    yield "host form, refused"


def _maintenance_dialogs(page: Page, fresh: Callable[[str], None], house: House) -> Iterator[str]:
    plan = house.pages()["plan, draft"]
    fresh(plan)
    page.get_by_role("button", name="Change…").first.click()
    page.locator("#dialog[open] form").wait_for()
    yield "what becomes of a VM"
    fresh(plan)
    page.get_by_role("button", name="Change the terms…").click()
    page.locator("#dialog[open] form").wait_for()
    for fold in page.locator("#dialog summary").all():
        if not fold.evaluate("each => each.parentElement.open"):
            fold.click()
    yield "terms"
    fresh(plan)
    page.get_by_role("button", name="Approve…").click()
    page.locator("#dialog[open] form").wait_for()
    yield "approve"
    fresh(house.pages()["plan, running"])
    page.get_by_role("button", name="Cancel…").click()
    page.locator("#dialog[open] form").wait_for()
    yield "cancel a plan"
    fresh("/hosts")
    page.locator("[data-pick]").first.check()
    page.locator("[data-bulk]").get_by_role("button", name="Maintenance…").click()
    page.locator("#dialog[open] form").wait_for()
    yield "maintenance of a host"
    page.locator("#dialog [data-closes]").first.click()
    yield "chosen hosts"
    page.locator("[data-bulk-clear]").click()
