"""The screens themselves move: what the machine room tells stands on the page without a reload."""

import pytest
from playwright.sync_api import expect

from hosts import feed
from hosts.advance import advance
from hosts.states import HostState, MigrationState, VMState
from tests.factory import make_host, make_migration, make_vm

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_live(login, path):
    page = login(path)
    expect(page.locator("#live-status")).to_have_text("Live", timeout=15_000)
    page.wait_for_timeout(400)  # the answer to the join is in
    return page


def test_a_vm_in_the_list_shows_its_new_state_and_figures(login):
    vm = make_vm("db1", cpu_percent=1.0)
    page = open_live(login, "/vms")
    row = page.locator(f'[data-live="vm:{vm.pk}/row"]')
    feed.figures("vm", vm.pk, {"cpu_percent": 64.0})
    expect(row.locator(f'[data-figure="vm:{vm.pk}:cpu_percent"]')).to_have_text("64 %")
    advance(vm, VMState.PAUSED, because="a test")
    expect(row).to_contain_text("Paused")
    expect(row.locator(f'[data-figure="vm:{vm.pk}:cpu_percent"]')).to_have_text("64 %")


def test_a_host_that_stops_answering_is_shown_so_in_the_list(login):
    host = make_host("h-live")
    page = open_live(login, "/hosts")
    advance(host, HostState.NON_RESPONSIVE, because="a test")
    expect(page.locator(f'[data-live="host:{host.pk}/row"]')).to_contain_text("Non-responsive")


def test_the_overview_counts_anew(login):
    vm = make_vm("db1")
    page = open_live(login, "/")
    advance(vm, VMState.CRASHED, because="a test")
    expect(page.locator("#counts-overview")).to_contain_text("Crashed")


def test_a_migration_page_follows_its_state(login):
    migration = make_migration()
    page = open_live(login, f"/migrations/{migration.pk}")
    advance(migration, MigrationState.CHECKING, because="a test")
    expect(page.locator(f"#migration-{migration.pk}-header")).to_contain_text("Checking")
    feed.figures("migration", migration.pk, {"throughput": 2**20, "at": "2026-11-23T15:00:00+00:00"})
    figure = page.locator(f'[data-figure="migration:{migration.pk}:throughput"]').first
    expect(figure).to_have_text("1 MiB/s")


def test_a_list_says_how_many_rows_have_moved_and_sorts_them_on_a_persons_word(login):
    first, second, third = (make_vm(f"db{n}", cpu_percent=90.0 - 10 * n) for n in range(3))
    page = open_live(login, "/vms?sort=-cpu")
    again = page.locator("[data-sort-again]")
    expect(again).to_be_hidden()
    for vm, percent in ((first, 5.0), (second, 80.0), (third, 70.0)):
        feed.figures("vm", vm.pk, {"cpu_percent": percent})
        type(vm).objects.filter(pk=vm.pk).update(cpu_percent=percent)
    expect(again).to_have_text("1 row moved: sort again")
    names = page.locator("#list td.c-name")
    expect(names).to_have_text(["db0", "db1", "db2"])
    again.get_by_role("link").click()
    expect(names).to_have_text(["db1", "db2", "db0"])
    expect(again).to_be_hidden()


def test_a_list_shows_the_last_news_too_when_they_come_close_together(login):
    make_vm("db0")
    page = open_live(login, "/vms")
    for name in ("db1", "db2"):
        feed.changed("vm", make_vm(name).pk)
        expect(page.locator("#list td.c-name", has_text=name)).to_be_visible()
