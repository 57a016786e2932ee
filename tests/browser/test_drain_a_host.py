"""An operator empties a simulated host in the browser and takes it back, with every process of Godwit running: it …"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hosts.models import VM, Host
from hosts.states import HostState, VMState
from hosts.virt.sim.demo import demo_datacenter
from tests.browser.conftest import Login
from tests.browser.serving import Server
from tests.browser.whole import Complaints, Program
from tests.factory import make_cluster, make_host
from tests.livemigration.workers import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.alone]

PATIENCE_MS = 60_000  # the machine may be busy; nothing here measures
DRAIN_MS = 420_000  # some 20 GiB over simulated lines, in real time


@pytest.fixture
def godwit(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Simulator, collector and worker beside the web process; the folder of their logs."""
    monkeypatch.setenv("GODWIT_VAR", str(tmp_path))
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(tmp_path / "sim.sock"))
    monkeypatch.setenv("GODWIT_SIM_SNAPSHOT", str(tmp_path / "sim.json"))
    expect.set_options(timeout=PATIENCE_MS)
    with ExitStack() as programs:
        programs.enter_context(Program("simulate", "--pace", "0", "--fresh", log=tmp_path / "simulate.log"))
        eventually(lambda: (tmp_path / "sim.sock").exists(), seconds=60)
        for name in ("collect", "work"):
            programs.enter_context(Program(name, log=tmp_path / f"{name}.log"))
        yield tmp_path
    expect.set_options(timeout=5_000)
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()[-6000:]


@pytest.fixture
def host(godwit: Path) -> Host:
    """The host of the Edge cluster with the fewest VMs; all ten are up."""
    uris = dict(demo_datacenter())["Edge"]
    cluster = make_cluster("Edge", datacenter="Simulated")
    for uri in uris:
        make_host(uri.removeprefix("sim://"), uri=uri, cluster=cluster, state=str(HostState.CONNECTING), uuid=None)
    hosts, said = Host.objects.filter(cluster=cluster), (godwit / "collect.log").read_text
    eventually(lambda: hosts.filter(state=HostState.UP).count() == len(uris), seconds=90, what=said)
    eventually(lambda: VM.objects.values("host").distinct().count() == len(uris), seconds=60, what=said)
    return min(hosts, key=lambda each: each.vms.filter(state=VMState.UP).count())


def test_it_is_planned_watched_emptied_and_activated_again(login: Login, host: Host) -> None:
    page = login(f"/hosts/{host.pk}", viewport={"width": 1440, "height": 900})
    complaints = Complaints(page)
    expect(page.locator("#live-status")).to_have_text("Live")
    page.get_by_role("button", name="Maintenance…").click()
    dialog = page.locator("#dialog[open]")
    expect(dialog.locator(".foreseen li")).to_contain_text(host.name)
    dialog.get_by_label("Reason").fill("A new board")
    dialog.get_by_role("button", name="Plan first").click()
    expect(page).to_have_url(re.compile(r"/maintenance/plans/\d+$"))
    _approve(page)
    expect(page.locator(".title .state").first).to_have_text("Running")
    page.evaluate("() => { window.sameDocument = true }")
    expect(page.locator(".column.elsewhere .tile").first).to_be_visible(timeout=DRAIN_MS)  # it glided over
    expect(page.locator(".title .state").first).to_have_text("Finished", timeout=DRAIN_MS)
    assert page.evaluate("window.sameDocument"), "the page was reloaded"
    expect(page.get_by_role("heading", name="Forecast and fact, a host a line")).to_be_visible()
    assert not VM.objects.filter(host=host, state=VMState.UP).exists()
    _activate(page, host)
    assert not complaints.lines


def _approve(page: Page) -> None:
    expect(page.locator(".title .state").first).to_have_text("Draft")
    page.get_by_role("button", name="Approve…").click()
    dialog = page.locator("#dialog[open]")
    expect(dialog.get_by_label("Now", exact=True)).to_be_checked()
    dialog.get_by_role("button", name="Approve", exact=True).click()


def _activate(page: Page, host: Host) -> None:
    page.locator("main table").get_by_role("link", name=host.name).first.click()
    state = page.locator("main .title .state").first
    expect(state).to_have_text("Maintenance")
    expect(page.locator("main .notice").first).to_contain_text("A new board")
    page.get_by_role("button", name="Activate").click()
    expect(state).to_have_text("Up")
    expect(page.get_by_role("button", name="Maintenance…")).to_be_visible()
