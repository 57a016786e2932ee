"""The live path from hosts.feed to pixels, with a real server and a real browser."""

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from hosts import feed
from hosts.advance import advance
from hosts.models import VM
from hosts.states import VMState
from tests.browser.conftest import Login
from tests.browser.serving import ROOT, Server
from tests.database import database_url
from tests.factory import make_migration, make_vm

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def _probe(django_db_setup, django_db_blocker, tmp_path_factory):
    log = tmp_path_factory.mktemp("probe") / "web.log"
    with django_db_blocker.unblock():
        server = Server(log=log, settings="tests.browser.probe_settings").start()
    yield server
    server.stop()
    assert "Traceback" not in log.read_text()


@pytest.fixture
def probe(transactional_db, _probe) -> Server:
    return _probe


def shown(login: Login, server: Server, **context) -> Page:
    page = login("/probe", to=server, **context)
    expect(page.locator("#live-status")).to_have_text("Live", timeout=15_000)
    page.wait_for_timeout(400)  # the answer to the join is in
    return page


def cell(page: Page, vm: VM, name: str):
    return page.locator(f"#vm-{vm.pk} .{name}")


def rename(vm: VM, name: str) -> None:
    VM.objects.filter(pk=vm.pk).update(name=name)
    feed.changed("vm", vm.pk)


def test_it_brings_a_figure_from_another_process_into_the_page(login, probe):
    vm = make_vm("db1", cpu_percent=1.0)
    page = shown(login, probe)
    said = f"feed.figures('vm', {vm.pk}, {{'cpu_percent': 42.0}})"
    code = f"import django; django.setup(); from hosts import feed; {said}"
    env = os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "datacenter.settings"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=ROOT)
    expect(cell(page, vm, "cpu")).to_have_text("42 %")
    assert page.locator(f"#vm-{vm.pk} meter").evaluate("meter => meter.value") == 42


def test_it_paints_a_changed_row_in_place_and_fades_it(login, probe):
    vm, other = make_vm("db1"), make_vm("db2")
    page = shown(login, probe)
    row = page.locator(f"#vm-{vm.pk}")
    row.evaluate("row => { window.before = row }")
    assert advance(vm, VMState.PAUSED, because="a test")
    expect(cell(page, vm, "state")).to_have_text("paused")
    expect(row).to_have_class(re.compile("changed"))
    expect(row).not_to_have_class(re.compile("changed"), timeout=3000)
    assert row.evaluate("row => row === window.before")
    assert "changed" not in (page.locator(f"#vm-{other.pk}").get_attribute("class") or "")


def test_it_fades_nothing_where_less_motion_is_asked_for(login, probe):
    vm = make_vm("db1")
    page = shown(login, probe, reduced_motion="reduce")
    page.evaluate(
        """() => { window.faded = 0; new MutationObserver(all => all.forEach(each => {
        if (each.target.classList.contains('changed')) window.faded++ })).observe(document.body,
        {attributes: true, subtree: true, attributeFilter: ['class']}) }"""
    )
    rename(vm, "db9")
    expect(cell(page, vm, "name")).to_have_text("db9")
    assert page.evaluate("window.faded") == 0


def test_it_leaves_focus_typed_text_ticks_open_parts_and_selection_alone(login, probe):
    vm = make_vm("db1", reason="booted")
    page = shown(login, probe)
    row = page.locator(f"#vm-{vm.pk}")
    row.locator("input[type=checkbox]").check()
    row.locator("summary").click()
    page.evaluate(f"getSelection().selectAllChildren(document.querySelector('#vm-{vm.pk} .state'))")
    note = row.locator("input[type=text]")
    note.fill("half a sen")
    note.evaluate("input => input.setSelectionRange(2, 5)")
    rename(vm, "db9")
    expect(cell(page, vm, "name")).to_have_text("db9")
    expect(note).to_be_focused()
    expect(note).to_have_value("half a sen")
    assert note.evaluate("input => [input.selectionStart, input.selectionEnd]") == [2, 5]
    expect(row.locator("input[type=checkbox]")).to_be_checked()
    assert row.locator("details").evaluate("details => details.open")


def test_it_keeps_the_newer_figure_when_a_paint_brings_an_older_one(login, probe):
    vm = make_vm("db1", cpu_percent=1.0)
    page = shown(login, probe)
    feed.figures("vm", vm.pk, {"cpu_percent": 77.0})
    expect(cell(page, vm, "cpu")).to_have_text("77 %")
    rename(vm, "db9")
    expect(cell(page, vm, "name")).to_have_text("db9")
    expect(cell(page, vm, "cpu")).to_have_text("77 %")


def test_it_hands_samples_to_the_chart_and_word_of_new_rows_to_the_list(login, probe):
    migration = make_migration()
    page = shown(login, probe)
    page.evaluate(
        """() => { for (const kind of ['points', 'topic']) document.addEventListener('godwit:' + kind, event => {
        const line = document.createElement('p');
        line.className = 'told';
        line.textContent = `${event.target.id} ${JSON.stringify(event.detail)}`;
        document.body.append(line); }) }"""
    )
    sample = {"at": "2026-11-23T15:00:00+00:00", "throughput": 5}
    feed.figures("migration", migration.pk, sample)
    vm = make_vm("new")
    feed.changed("vm", vm.pk)
    told = page.locator(".told")
    expect(told.filter(has_text='chart {"at":"2026-11-23T15:00:00+00:00","throughput":5}')).to_have_count(1)
    expect(told.filter(has_text='list "vms"').first).to_be_visible()


def test_it_joins_what_comes_into_the_page_later(login, probe):
    first = make_vm("db1")
    page = shown(login, probe)
    second = make_vm("db2")
    page.evaluate(
        """pk => { const cell = document.createElement('p'); cell.id = 'late';
        cell.dataset.figure = `vm:${pk}:cpu_percent`; document.body.append(cell) }""",
        second.pk,
    )
    page.wait_for_timeout(500)
    feed.figures("vm", second.pk, {"cpu_percent": 33.0})
    feed.figures("vm", first.pk, {"cpu_percent": 34.0})
    expect(page.locator("#late")).to_have_text("33 %")
    expect(cell(page, first, "cpu")).to_have_text("34 %")


def test_it_says_since_when_it_is_stale_and_recovers_by_itself(login, probe):
    vm = make_vm("db1", cpu_percent=1.0)
    page = shown(login, probe)
    probe.stop()
    expect(page.locator("html")).to_have_attribute("data-stale", "", timeout=12_000)
    expect(page.locator("#live-status")).to_have_text(re.compile(r"^No news since \d\d:\d\d:\d\d$"))
    VM.objects.filter(pk=vm.pk).update(name="while-away", cpu_percent=88.0)
    probe.start()
    expect(page.locator("#live-status")).to_have_text("Live", timeout=20_000)
    expect(cell(page, vm, "name")).to_have_text("while-away")
    expect(cell(page, vm, "cpu")).to_have_text("88 %")
    assert page.locator("html").get_attribute("data-stale") is None


def test_it_says_when_the_session_is_over(login, probe):
    page = shown(login, probe)
    page.context.clear_cookies()
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    probe.stop()
    probe.start()
    expect(page.locator("#live-status")).to_have_text(re.compile("^Signed out"), timeout=20_000)
