"""What Prometheus reads, who may read it, and that the dashboard names nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hosts.models import Sample
from hosts.states import MigrationState
from tests.api.conftest import Api
from tests.factory import make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


def scrape(text: str, client: Client) -> str:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_it_is_closed_to_strangers_sessions_and_tokens_that_see_a_part(
    client: Client, make: Callable[..., Any], people: Any
) -> None:
    client.force_login(people["ada"])
    assert client.get("/metrics").status_code == 401
    cluster = make_cluster()
    part = make("vera", roots=[("cluster", cluster.pk)])[1]
    assert client.get("/metrics", headers={"Authorization": f"Bearer {part}"}).status_code == 403


def test_it_is_open_to_a_network_that_is_listed(client: Client, db: None, settings: Any) -> None:
    settings.METRICS_NETWORKS = ["10.0.0.0/8", "127.0.0.1"]
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 401


def test_it_tells_hosts_vms_and_a_migration_under_way(client: Client, make: Callable[..., Any]) -> None:
    migration = make_migration(make_vm('odd "name"\\', host=make_host("h1", cpu_percent=25.0)), state="copying")
    Sample.objects.create(
        migration=migration, at=migration.requested_at, remaining_bytes=7, processed_bytes=1, total_bytes=8,
        throughput=2.5, dirty_rate=1.5, iteration=1,
    )  # fmt: skip
    said = scrape(make("vera")[1], client)
    assert 'godwit_host_cpu_ratio{host="h1",cluster="blue",id="' in said
    assert 'godwit_vms{datacenter="Test",cluster="blue",state="up"} 1' in said
    assert 'godwit_migrations{state="copying"} 1' in said
    line = next(each for each in said.splitlines() if each.startswith("godwit_migration_remaining_bytes{"))
    assert line.endswith("} 7")
    assert 'vm="odd \\"name\\"\\\\"' in line


def test_it_lets_a_migration_go_once_it_has_ended(client: Client, make: Callable[..., Any]) -> None:
    make_migration(state=MigrationState.DONE.value, pause_ms=250.0, transferred_bytes=10)
    said = scrape(make("vera")[1], client)
    assert "godwit_migration_remaining_bytes{" not in said
    assert 'godwit_migrations_ended_total{state="done"} 1' in said
    assert "godwit_migrations_pause_seconds_sum 0.25" in said


def test_it_costs_as_many_queries_for_many_rows_as_for_few(client: Client, make: Callable[..., Any]) -> None:
    text = make("vera")[1]
    make_migration()
    scrape(text, client)
    with CaptureQueriesContext(connection) as few:
        scrape(text, client)
    for _ in range(20):
        make_migration()
    with CaptureQueriesContext(connection) as many:
        scrape(text, client)
    assert len(many) == len(few) <= 45


def test_it_is_read_by_its_own_name_only(ada: Api) -> None:
    assert ada.get("/metrics").status_code == 404
