"""A real Prometheus reads /metrics, and the dashboard names nothing that it does not find there."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from datacenter.models import Plan
from hosts.models import Duty, Host
from tests.api.house import furnish
from tests.browser.serving import free_port

pytestmark = pytest.mark.django_db(transaction=True)

DASHBOARD = settings.BASE_DIR / "deploy/grafana/godwit.json"
CONFIG = """
global: {{scrape_interval: 3s, scrape_timeout: 3s}}
scrape_configs:
  - job_name: godwit
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["{target}"]}}]
"""


@pytest.fixture(scope="module")
def program() -> str:
    """Debian's own, unpacked and never installed: no service of the machine is started."""
    if shutil.which("apt-get") is None and shutil.which("prometheus") is None:
        pytest.skip("Prometheus is fetched from Debian's archive, and here is no apt-get.")
    found = subprocess.run([settings.BASE_DIR / "deploy/prometheus"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture
def prometheus(
    program: str, live_server: Any, make: Callable[..., Any], people: Any, tmp_path: Path
) -> Iterator[httpx.Client]:
    """Scraping our server each second."""
    _everything_is_there(people["ada"])
    text = make("vera")[1]
    target = live_server.url.removeprefix("http://")
    (tmp_path / "prometheus.yml").write_text(CONFIG.format(token=text, target=target))
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        process.terminate()
        process.wait(20)


def _everything_is_there(ada: Any) -> None:
    """A row for every line of the page."""
    furnish(ada)
    Plan.objects.update(state="running")
    Host.objects.update(figures_at=timezone.now())
    Duty.objects.create(name="guardian", lease_until=timezone.now())


def wait(prometheus: httpx.Client) -> dict[str, Any]:
    """The target, once it was scraped twice."""
    last: Any = None
    for _ in range(120):
        try:
            told = prometheus.get("/api/v1/targets").json()["data"]["activeTargets"]
            last = told[0] if told else None
            if last and last["health"] == "up":
                return last
        except (httpx.HTTPError, ValueError) as exc:
            last = exc
        time.sleep(0.25)
    pytest.fail(f"Prometheus did not come to it: {last}")


def test_it_is_read_by_a_real_prometheus_and_has_all_that_the_dashboard_names(prometheus: httpx.Client) -> None:
    target = wait(prometheus)
    assert (target["health"], target["lastError"]) == ("up", "")
    names = set(prometheus.get("/api/v1/label/__name__/values").json()["data"])
    wanted = {each for expression in expressions() for each in re.findall(r"godwit_\w+", expression)}
    assert wanted - names == set()
    mine = {each for each in names if each.startswith("godwit_")}
    assert mine - wanted == set()  # a figure that no panel shows is a figure that nobody looks at
    for expression in expressions():
        asked = prometheus.get("/api/v1/query", params={"query": expression.replace("$cluster", ".*")}).json()
        assert asked["status"] == "success", (expression, asked)


def expressions() -> list[str]:
    """Of all panels."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]
