"""A wall in a browser: what it says when nothing is heard, how it comes back and ends; that it does not grow."""

import json
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from datacenter.models import Display, DisplayScreen
from datacenter.wall.paint import Seen, paint
from datacenter.wall.scope import Scope
from hosts.models import Host
from tests.browser.full_house import furnish
from tests.browser.serving import Server
from tests.factory import make_host
from tests.wall.displays import make_display

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HEAT = [["heat", 3600]]
#: a wall must show something while it is loaded, whatever else this machine does
PATIENCE = 30_000
SIZES = ((1920, 1080), (3840, 2160), (1080, 1920), (3840, 1080), (390, 844))

Open = Callable[..., Page]


@pytest.fixture
def wall(browser: Browser) -> Iterator[Open]:
    """``wall(server, link)``: a page in a context of its own, without a login. Scripts that fail fail the test."""
    contexts, mistakes = [], []

    def open_page(server: Server, link: str, *, size: tuple[int, int] = (1920, 1080)) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.on("console", lambda said: mistakes.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{server.url}/wall/{link}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not mistakes


def test_it_shows_without_login_or_cookie_and_follows(server: Server, wall: Open) -> None:
    host = make_host("h-first", cpu_percent=12.0)
    display, link = make_display(scenes=HEAT, comes_forward=False)
    page = wall(server, link)
    expect(page.locator("#title")).to_have_text("How loaded are the hosts?", timeout=PATIENCE)
    expect(page.locator("li.cell")).to_contain_text("12 %")
    Host.objects.filter(pk=host.pk).update(cpu_percent=77.0)
    expect(page.locator("li.cell")).to_contain_text("77 %", timeout=PATIENCE)
    assert page.context.cookies() == []
    assert DisplayScreen.objects.get(display=display).size == "1920x1080"


def test_it_says_since_when_it_is_stale_and_comes_back_by_itself(wall: Open, tmp_path, transactional_db) -> None:
    make_host("h-first")
    _, link = make_display(scenes=HEAT, comes_forward=False)
    server = Server(log=tmp_path / "web.log").start()
    try:
        page = wall(server, link)
        page.locator("li.cell").wait_for(timeout=PATIENCE)
        server.stop()
        expect(page.locator("#stale")).to_be_visible(timeout=PATIENCE)
        expect(page.locator("#stale b")).to_contain_text("Stale since ")
        assert page.locator("#stale b").evaluate("each => parseFloat(getComputedStyle(each).fontSize)") > 90
        assert page.locator("li.cell").count() == 1  # what is old stays to be seen behind
        make_host("h-second")
        server.start()
        expect(page.locator("#stale")).to_be_hidden(timeout=2 * PATIENCE)
        expect(page.locator("li.cell")).to_have_count(2)
    finally:
        server.stop()


def test_it_says_so_when_it_is_ended_while_it_shows(server: Server, wall: Open) -> None:
    display, link = make_display(scenes=HEAT)
    page = wall(server, link)
    page.locator("[data-fit]").wait_for(timeout=PATIENCE)
    Display.objects.filter(pk=display.pk).update(revoked_at=timezone.now())
    expect(page.locator("#ended")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#ended")).to_contain_text("An administrator has ended this display.")
    assert page.locator("#stage").inner_html() == ""
    page.reload()
    expect(page.locator("#ended")).to_contain_text("An administrator has ended this display.")


def test_it_fits_every_screen_without_scrolling_and_counts_what_does_not(server: Server, wall: Open) -> None:
    furnish()
    for number in range(120):
        make_host(f"more-{number:03}")
    for scene in ("heat", "hosts", "migrations", "drain", "alerts", "capacity", "events"):
        _, link = make_display(scenes=[[scene, 3600]], comes_forward=False)
        for width, height in SIZES:
            page = wall(server, link, size=(width, height))
            page.locator("[data-fit]").wait_for(timeout=PATIENCE)
            box = page.locator("[data-fit]")
            seen = box.evaluate("b => [b.scrollWidth - b.clientWidth, b.scrollHeight - b.clientHeight]")
            rows = page.locator("[data-row]").count()
            shown = page.locator("[data-row]:visible").count()
            assert max(seen) <= 1 or shown == 1, (scene, width, height, seen)
            foot = page.locator("footer").bounding_box()
            assert foot, scene
            assert foot["y"] + foot["height"] <= height, (scene, width, height)
            assert foot["x"] + foot["width"] <= width, (scene, width, height)
            if shown < rows and page.locator("[data-more]").count():
                expect(page.locator("[data-more]")).to_contain_text("more")
            least = page.locator("#stage").evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
            assert least >= 0.0249 * min(width, height), (scene, width, height)
            page.context.close()


STUB = """
window.sockets_ = [];
window.WebSocket = class { // a server that is always there, in no time
  static OPEN = 1;
  constructor() {
    this.readyState = 1;
    window.sockets_.push(this);
    window.socket_ = this;
    setTimeout(() => this.onopen?.(), 0);
  }
  send(text) { window.said_ = text; }
  close() { this.readyState = 3; this.onclose?.({ code: 1006 }); }
};
"""
RUN = """([frames, from, count]) => {
  for (let i = from; i < from + count; i += 1) {
    const frame = frames[Math.floor(i / 4) % frames.length];
    const html = frame.html.replaceAll(/(\\d+) %/g, (_, n) => `${(Number(n) + i) % 100} %`);
    window.socket_.onmessage({ data: JSON.stringify({ ...frame, html, age_s: i % 7 }) });
  }
}"""
#: a frame of each minute of a week, four to a scene, a socket that is lost every six hours
WEEK, CHUNK = 7 * 24 * 60, 360


@pytest.mark.alone
def test_it_runs_for_a_week_and_holds_no_more_than_after_an_hour(server: Server, browser: Browser) -> None:
    """10,080 frames of every scene with other figures each time, the page's own clock wound on between them."""
    furnish()
    _, link = make_display()
    page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    page.clock.install()
    page.add_init_script(STUB)
    page.goto(f"{server.url}/wall/{link}")
    frames = [_frame(page, scene) for scene in ("heat", "hosts", "migrations", "alerts", "capacity", "events")]
    session = page.context.new_cdp_session(page)
    page.clock.run_for(2000)

    def run(begin: int) -> None:
        page.evaluate(RUN, [frames, begin, CHUNK])
        page.evaluate("window.socket_.close()")  # every six hours the server is restarted
        page.clock.run_for(3000)

    def held() -> dict[str, int]:
        page.evaluate("window.sockets_.splice(0, window.sockets_.length - 1)")
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        return {"heap": session.send("Runtime.getHeapUsage")["usedSize"], **counters}

    run(0)
    first = held()
    for begin in range(CHUNK, WEEK, CHUNK):
        run(begin)
    last = held()
    page.context.close()
    assert last["heap"] < 1.05 * first["heap"] + 100_000, (first, last)
    assert last["nodes"] <= 1.2 * first["nodes"] + 200, (first, last)
    assert last["jsEventListeners"] <= first["jsEventListeners"] + 5, (first, last)


def _frame(page: Page, scene: str) -> dict[str, object]:
    frame = json.loads(paint(Scope(noun="system"), scene, Seen(wrong=[], answered_at=None, scenes={})) or "")
    return {**frame, "version": page.evaluate("document.body.dataset.version")}
