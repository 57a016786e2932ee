"""An operator moves a real guest between real hosts in the browser, with every process of Godwit running: it …"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from datacenter.models import User
from deploy.lab import Lab
from hosts.models import VM, Migration
from hosts.states import HostState, MigrationState
from tests.browser.conftest import Login
from tests.browser.serving import Server
from tests.browser.whole import Complaints, Program
from tests.factory import make_cluster, make_host
from tests.lab.conftest import lab, standing_lab
from tests.livemigration.workers import eventually

__all__ = ["lab", "standing_lab"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.lab,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("whole"),
]

PATIENCE_MS = 60_000  # the machine may be busy; nothing here measures
#: dirties faster than the cap carries: without help it copies for ever
ENDLESS = {"memory_mb": 128, "dirty_mb": 48, "dirty_rate": 40, "pattern": "random"}
CAP_MIB = "24"


@pytest.fixture
def godwit(server: Server, lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """Collector and worker beside the web process; the folder of their logs."""
    expect.set_options(timeout=PATIENCE_MS)
    with ExitStack() as programs:
        for name in ("collect", "work"):
            programs.enter_context(Program(name, log=tmp_path / f"{name}.log"))
        yield tmp_path
    expect.set_options(timeout=5_000)
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()[-6000:]


@pytest.fixture
def known(lab: Lab, godwit: Path) -> None:
    """The lab's hosts are in the inventory, and up."""
    cluster = make_cluster("lab", datacenter="Lab")
    pks = [
        make_host(each.name, uri=each.uri, cluster=cluster, state=str(HostState.CONNECTING), uuid=None).pk
        for each in lab.hosts.values()
    ]
    said = (godwit / "collect.log").read_text
    up = type(cluster.hosts.first()).objects.filter(pk__in=pks, state=HostState.UP)
    eventually(lambda: up.count() == len(pks), seconds=60, what=said)


def live(page: Page) -> Page:
    expect(page.locator("#live-status")).to_have_text("Live")
    return page


def mark_document(page: Page) -> None:
    page.evaluate("() => { window.sameDocument = true }")


def assert_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.sameDocument"), "the page was reloaded"


def add_in_browser(page: Page, server: Server, *, uri: str, name: str, cluster: str) -> None:
    page.goto(f"{server.url}/hosts/add")
    page.get_by_label("libvirt URI").fill(uri)
    page.get_by_label("Name", exact=True).fill(name)
    if page.locator("#id_cluster option", has_text=cluster).count():
        page.locator("#id_cluster").select_option(label=f"Lab › {cluster}")
    else:
        page.get_by_label("Its name").fill(cluster)
        page.get_by_label("In the data center").fill("Lab")
    page.get_by_role("button", name="Add host").click()
    mark_document(live(page))
    expect(page.locator("main .title .state, main .title .badge").first).to_have_text("Up")
    assert_not_reloaded(page)


def open_dialog(page: Page, *, to: str, bandwidth: str) -> None:
    page.get_by_role("button", name="Migrate…").or_(page.get_by_role("link", name="Migrate…")).click()
    dialog = page.locator("#dialog")
    dialog.locator(f'label.candidate:has(b:text-is("{to}")) input').check()
    dialog.get_by_text("Options", exact=True).click()
    dialog.get_by_label("Bandwidth limit, MiB/s").fill(bandwidth)


def migrate(page: Page, *, to: str, bandwidth: str = CAP_MIB) -> None:
    """Order it in the VM's page; the migration's page is open then."""
    open_dialog(page, to=to, bandwidth=bandwidth)
    page.locator("#dialog").get_by_role("button", name="Migrate", exact=True).click()
    expect(page).to_have_url(re.compile(r"/migrations/\d+$"))
    mark_document(live(page))


def points(page: Page) -> int:
    return int(page.locator(".migration-chart").get_attribute("data-count") or 0)


def await_points(page: Page, more_than: int) -> None:
    page.wait_for_function(
        "least => Number(document.querySelector('.migration-chart').dataset.count) > least",
        arg=more_than,
        timeout=PATIENCE_MS,
    )


def state_of(page: Page) -> Locator:
    return page.locator('[id^="migration-"][id$="-header"] .title > :nth-child(2)')


def the_migration() -> Migration:
    return Migration.objects.select_related("vm__host", "destination").get()


def test_it_is_added_found_migrated_and_seen_to_arrive(
    browser: Browser, server: Server, lab: Lab, godwit: Path
) -> None:
    User.objects.create_superuser("ann", password="a long enough secret")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints = Complaints(page)
    page.goto(f"{server.url}/vms")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill("a long enough secret")
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{server.url}/vms")
    for each in lab.hosts.values():
        add_in_browser(page, server, uri=each.uri, name=each.name, cluster="lab")
    page.goto(f"{server.url}/vms")
    mark_document(live(page))
    lab.guest("mover", "h1", memory_mb=128, dirty_mb=24, dirty_rate=12, pattern="random")
    row = page.locator('[data-live^="vm:"]', has_text="mover")
    expect(row).to_contain_text("Up")
    assert_not_reloaded(page)
    row.get_by_role("link", name="mover").click()
    lab.await_beat("mover")
    live(page)
    migrate(page, to="h2", bandwidth="32")
    await_points(page, 3)
    seen, verdict = points(page), page.locator(".migration-verdict").inner_text()
    await_points(page, seen + 3)
    expect(page.locator(".migration-verdict")).not_to_have_text(verdict)
    expect(state_of(page)).to_have_text("Done")
    assert_not_reloaded(page)
    assert lab.running_on("mover") == ["h2"]
    page.goto(f"{server.url}/vms")
    expect(page.locator('[data-live^="vm:"]', has_text="mover").locator(".c-host")).to_have_text("h2")
    context.close()
    assert not complaints.lines


def test_it_is_steered_and_cancelled(login: Login, lab: Lab, known: None) -> None:
    lab.guest("endless", "h1", **ENDLESS)
    lab.await_beat("endless")
    page = open_vm(login, "endless")
    complaints = Complaints(page)
    migrate(page, to="h2")
    await_points(page, 5)
    page.get_by_label("Bandwidth limit, MiB/s").fill("20")
    page.locator(".migration-knobs form", has_text="Bandwidth limit").get_by_role("button", name="Set").click()
    flag = page.locator('.migration-log [data-mark^="Bandwidth 20"]')
    expect(flag).to_contain_text("admin")
    expect(flag).not_to_contain_text("waiting")
    page.get_by_role("button", name="Cancel the migration").click()
    expect(state_of(page)).to_have_text("Cancelled")
    assert_not_reloaded(page)
    assert lab.running_on("endless") == ["h1"]
    assert the_migration().state == MigrationState.CANCELLED
    assert not complaints.lines


def test_it_is_switched_to_post_copy_after_one_question(login: Login, lab: Lab, known: None) -> None:
    lab.guest("endless", "h1", **ENDLESS)
    lab.await_beat("endless")
    page = open_vm(login, "endless")
    complaints = Complaints(page)
    migrate(page, to="h3")
    await_points(page, 5)
    button = page.get_by_role("button", name="Switch to post-copy")
    expect(button).to_be_enabled()
    button.click()
    expect(page.locator("#confirm")).to_contain_text("can no longer be cancelled")
    page.locator("#confirm .sure").click()
    expect(state_of(page)).to_have_text("Done")
    assert_not_reloaded(page)
    assert the_migration().used_postcopy
    assert lab.running_on("endless") == ["h3"]
    assert not complaints.lines


def test_it_is_paused_resumed_shut_down_and_started_and_follows_what_virsh_does(
    login: Login, lab: Lab, known: None
) -> None:
    lab.guest("mail", "h1", memory_mb=128)
    lab.await_beat("mail")
    page = open_vm(login, "mail")
    complaints = Complaints(page)
    state = page.locator('[id^="vm-"][id$="-header"] > :nth-child(2)')
    for button, becomes in (("Pause", "Paused"), ("Resume", "Up"), ("Shut down", "Down"), ("Start", "Up")):
        page.locator("main .actions").get_by_role("button", name=button, exact=True).click()
        expect(state).to_have_text(becomes)
    lab.virsh("h1", "suspend", "mail")
    expect(state).to_have_text("Paused")
    lab.virsh("h1", "resume", "mail")
    expect(state).to_have_text("Up")
    lab.virsh("h1", "destroy", "mail")
    expect(state).to_have_text("Down")
    assert_not_reloaded(page)
    assert not complaints.lines


def open_vm(login: Login, name: str) -> Page:
    eventually(lambda: VM.objects.filter(name=name, state="up").exists(), seconds=60)
    page = live(login(f"/vms/{VM.objects.get(name=name).uuid}", viewport={"width": 1440, "height": 900}))
    mark_document(page)
    return page
