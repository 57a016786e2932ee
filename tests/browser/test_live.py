"""The live path from hosts.feed to pixels, with a real server and a real browser."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from hosts import feed
from hosts.advance import advance
from hosts.states import VMState
from tests.browser.conftest import Login
from tests.browser.serving import Server
from tests.factory import make_vm

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def probe(transactional_db, tmp_path):
    server = Server(log=tmp_path / "web.log", settings="tests.browser.probe_settings").start()
    yield server
    server.stop()
    assert "Traceback" not in server.log.read_text()


def shown(login: Login, server: Server) -> Page:
    page = login("/probe", to=server)
    expect(page.locator("#live-status")).to_have_text("Live")
    return page


def test_it_brings_a_figure_from_another_process_into_the_page(login, probe):
    vm = make_vm("db1", cpu_percent=1.0)
    page = shown(login, probe)
    code = (
        f"import django; django.setup(); from hosts import feed; feed.figures('vm', {vm.pk}, {{'cpu_percent': 42.0}})"
    )
    from tests.browser.serving import database_url

    env = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "datacenter.settings", "PATH": ""}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    expect(page.locator(f"#vm-{vm.pk} .cpu")).to_have_text("42 %")
    assert page.locator(f"#vm-{vm.pk} meter").evaluate("meter => meter.value") == 42
