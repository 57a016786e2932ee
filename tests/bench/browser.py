"""What reaches Chromium, and when: from a libvirt event to the changed text, and a migration's samples."""

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotShown

from deploy.lab import Lab
from tests.bench.installation import Installation, until
from tests.bench.machine import spread

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE_S = 15.0
PATIENCE_MS = 60_000

#: notes each text of the row's state, with the time of the change in ms since 1970
WATCH_STATE = """name => {
  window.seen = [];
  let before = null;
  new MutationObserver(() => {
    const text = document.querySelector(name)?.textContent.trim();
    if (text !== undefined && text !== before) window.seen.push([performance.timeOrigin + performance.now(), text]);
    before = text;
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
WATCH_TICKS = """() => {
  window.ticks = [];
  document.addEventListener("godwit:points", ({ detail }) => window.ticks.push([performance.now(), detail.at, detail.state]));
}"""  # noqa: E501


@contextmanager
def opened() -> Iterator[Page]:
    """A page in a Chromium of its own."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        chromium.close()


def sign_in(page: Page, godwit: Installation) -> str:
    """Through the form; the session's cookie."""
    name, password = godwit.login()
    page.goto(f"{godwit.url}/login")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#live-status")).to_have_text("Live")
    return "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())


def event_to_dom(page: Page, godwit: Installation, lab: Lab, *, vm: tuple[int, str], events: int) -> dict[str, Any]:
    """A guest is paused and resumed by virsh; from the time the collector heard it to its new state in the VM list."""
    pk, uuid = vm
    page.goto(f"{godwit.url}/vms?q=flips")
    expect(page.locator("#live-status")).to_have_text("Live")
    page.evaluate(WATCH_STATE, f'[data-live="vm:{pk}/row"] .c-state')
    late, missed = [], 0
    for number in range(events):
        time.sleep(0.3)
        word, state, told = [("suspend", "Paused", "suspended"), ("resume", "Up", "resumed")][number % 2]
        read, seen = len(godwit.log("collector")), page.evaluate("window.seen.length")
        lab.virsh("h1", word, "flips")
        try:
            page.wait_for_function(
                "([seen, state]) => window.seen.slice(seen).some(each => each[1] === state)",
                arg=[seen, state],
                timeout=1000 * PATIENCE_S,
            )
        except NotShown:
            missed += 1
            continue
        shown = next(at for at, text in page.evaluate("window.seen")[seen:] if text == state)
        late.append(shown - heard(godwit.log("collector")[read:], uuid, told))
    return {
        "event_to_dom_ms": spread(late, 50, 99) | {"max": round(max(late), 1), "events": len(late), "missed": missed}
    }


def heard(log: str, uuid: str, told: str) -> float:
    """When the collector's callback ran, in ms since 1970."""
    line = re.search(rf"told of {uuid}: lifecycle {told}\S* at (\S+)", log)
    if line is None:
        raise RuntimeError(f"the collector's log does not tell of {uuid} {told}: {log[-2000:]}")
    return 1000 * datetime.fromisoformat(line[1]).timestamp()


def order(page: Page, godwit: Installation, *, vm: tuple[int, str], cap_mib: int) -> int:
    """Have the VM migrated to h2, as the dialog's form does; the key of the migration."""
    (h2,) = godwit.rows("SELECT id FROM hosts_host WHERE name = 'h2'")[0]
    token = next(each["value"] for each in page.context.cookies() if each["name"] == "csrftoken")
    answer = page.request.post(
        f"{godwit.url}/vms/{vm[1]}/migrate",
        form={"destination": str(h2), "bandwidth_mib": str(cap_mib)},
        headers={"X-CSRFToken": token, "Referer": godwit.url},
        max_redirects=0,
    )
    if answer.status != 302:
        raise RuntimeError(f"the migration was not taken: {answer.status} {answer.text()[:500]}")
    return int(answer.headers["location"].rpartition("/")[2])


def ticks(page: Page, godwit: Installation, *, vm: tuple[int, str], cap_mib: int, seconds: float) -> dict[str, Any]:
    """Samples of a real migration a second that reach its page. It is cancelled after."""
    page.goto(f"{godwit.url}/migrations/{order(page, godwit, vm=vm, cap_mib=cap_mib)}")
    expect(page.locator("#live-status")).to_have_text("Live")
    page.evaluate(WATCH_TICKS)
    page.wait_for_function("() => window.ticks.length > 2")
    page.wait_for_timeout(1000 * seconds)
    came = {at: when / 1000 for when, at, _ in reversed(page.evaluate("window.ticks"))}  # a sample counts once
    page.get_by_role("button", name="Cancel the migration").click()
    state = "SELECT state FROM hosts_migration WHERE vm_id = %s ORDER BY id DESC LIMIT 1"
    until(lambda: godwit.rows(state, vm[0])[0][0] in ("cancelled", "done"), what="end of the migration")
    times = sorted(came.values())
    gaps = [1000 * (late - early) for early, late in itertools.pairwise(times)]
    return {"tick_hz": round(len(gaps) / (times[-1] - times[0]), 2), "tick_gap_ms": spread(gaps, 50, 99)}
