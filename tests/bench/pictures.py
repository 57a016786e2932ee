"""The pictures of README and docs/tour.md, taken from a running demo: ``python -m tests.bench.pictures [ADDRESS]``.

Migrates the lab's guest "database" on the way (there is no migration page without a migration).
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs" / "pictures"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main(address: str) -> None:
    login = json.loads((ROOT / "var" / "demo-login.json").read_text())
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_context(viewport=WIDE).new_page()  # type: ignore[arg-type]
        page.goto(f"{address}/login")
        page.fill("input[name=username]", login["username"])
        page.fill("input[name=password]", login["password"])
        page.click("button[type=submit]")
        page.wait_for_load_state()
        take(page, address)
        browser.close()


def take(page: Page, address: str) -> None:
    """One picture after the other, in the order of the tour."""
    shoot(page, f"{address}/vms?q=database", None)
    page.locator("#list a.name").first.click()
    page.wait_for_load_state()
    vm = page.url
    page.locator(".actions >> text=Migrate").first.click()
    page.wait_for_selector("dialog[open] button.primary")
    page.locator("dialog[open] .dirty button").click()
    page.wait_for_timeout(5000)  # the guest's dirty rate is measured, and the forecast made of it
    page.screenshot(path=OUT / "dialog.png")
    page.locator("dialog[open] button.primary").click()
    page.wait_for_url("**/migrations/*")
    migration = page.url
    page.wait_for_timeout(9000)
    page.screenshot(path=OUT / "migration.png")
    shoot(page, vm, "vm")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    shoot(page, migration, "phone")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    shoot(page, f"{address}/", "overview")
    shoot(page, f"{address}/vms", "vms")
    page.goto(f"{address}/hosts")
    page.locator("#list a.name").first.click()
    page.wait_for_timeout(2500)
    page.screenshot(path=OUT / "host.png")
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    page.goto(f"{address}/vms")
    page.wait_for_timeout(1500)
    page.evaluate("document.documentElement.setAttribute('data-bs-theme', 'dark')")
    page.wait_for_timeout(500)
    page.screenshot(path=OUT / "dark.png")


def shoot(page: Page, url: str, name: str | None) -> None:
    page.goto(url)
    page.wait_for_timeout(2500)
    if name:
        page.screenshot(path=OUT / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
