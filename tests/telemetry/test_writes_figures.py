"""Figures reach the rows in one statement a host, and the browsers where they changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosts import feed
from hosts.models import HostLoad, VMLoad
from hosts.telemetry.figures import Figures, prune
from hosts.telemetry.rates import HostFigures, VMFigures
from tests.factory import make_host, make_vm

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 1, tzinfo=UTC)
Told = list[tuple[str, int, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the browsers are told."""
    heard: Told = []
    monkeypatch.setattr(feed, "figures", lambda noun, pk, values: heard.append((noun, pk, values)))
    return heard


def test_it_writes_all_vms_of_a_host_in_one_statement(
    told: Told, django_assert_num_queries: Callable[[int], Any]
) -> None:
    host = make_host()
    vms = [make_vm(host=host) for _ in range(30)]
    with django_assert_num_queries(1):
        Figures(host.pk).write_vms({vm.pk: VMFigures(at=AT, cpu_percent=float(vm.pk), rss_bytes=5) for vm in vms})
    vms[7].refresh_from_db()
    assert (vms[7].cpu_percent, vms[7].rss_bytes, vms[7].net_rx_rate) == (float(vms[7].pk), 5, None)
    assert (vms[7].figures_at, vms[7].seen_at) == (AT, AT)
    assert VMLoad.objects.filter(at=AT).count() == 30


def test_it_leaves_a_vm_alone_that_moved_meanwhile(told: Told) -> None:
    host, vm = make_host(), make_vm()
    Figures(host.pk).write_vms({vm.pk: VMFigures(at=AT, cpu_percent=99.0)})
    vm.refresh_from_db()
    assert vm.cpu_percent is None
    assert not VMLoad.objects.exists()


def test_it_tells_the_browsers_what_changed_and_no_noise(told: Told) -> None:
    vm = make_vm()
    writer = Figures(vm.host_id)
    for percent, rx in ((12.31, 5_000_000.0), (12.38, 5_010_000.0), (13.9, 5_020_000.0), (None, 5_000_000.0)):
        writer.write_vms({vm.pk: VMFigures(at=AT, cpu_percent=percent, net_rx_rate=rx)})
    assert [values for _, _, values in told[1:]] == [{"cpu_percent": 13.9}, {"cpu_percent": None}]
    assert told[0][2]["net_rx_rate"] == 5_000_000.0


def test_it_writes_the_hosts_own_figures_in_one_statement(
    told: Told, django_assert_num_queries: Callable[[int], Any]
) -> None:
    host = make_host()
    with django_assert_num_queries(1):
        Figures(host.pk).write_host(HostFigures(at=AT, cpu_percent=7.0, memory_free_bytes=2**40, net_rx_rate=1.5))
    host.refresh_from_db()
    assert (host.cpu_percent, host.memory_free_bytes, host.net_rx_rate, host.answered_at) == (7.0, 2**40, 1.5, AT)
    assert HostLoad.objects.get().memory_free_bytes == 2**40
    assert told == [
        ("host", host.pk, {"cpu_percent": 7.0, "memory_free_bytes": 2**40, "net_rx_rate": 1.5, "net_tx_rate": None})
    ]


def test_it_keeps_an_hour() -> None:
    vm = make_vm()
    for minutes in (10, 59, 61, 600):
        VMLoad.objects.create(vm=vm, at=timezone.now() - timedelta(minutes=minutes))
        HostLoad.objects.create(host=vm.host, at=timezone.now() - timedelta(minutes=minutes))
    prune()
    assert (VMLoad.objects.count(), HostLoad.objects.count()) == (2, 2)
