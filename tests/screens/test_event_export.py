"""The export of events …"""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from hosts import recording
from hosts.models import Event, EventKind, Severity
from tests.screens import factory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning"),  # the test client is not async
]


def body(client: Client, query: str) -> str:
    answer: Any = client.get(f"/events/export?{query}")
    assert answer.status_code == 200
    return b"".join(answer).decode()


def wrote(name: str, **fields: Any) -> Event:
    row = factory.host(name)
    return recording.write(row, **{"actor": "ann", "kind": EventKind.STATE, "field": "state", "new": "up", **fields})


def test_it_is_for_those_who_audit(vera: Client) -> None:
    wrote("h1")
    assert vera.get("/events/export?format=csv").status_code == 403
    assert Event.orders.get().verb == "export_events"


def test_it_gives_csv_that_no_spreadsheet_takes_for_a_formula(ada: Client) -> None:
    for name in ("=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx"):
        wrote(name, because=name)
    rows = list(csv.DictReader(io.StringIO(body(ada, "format=csv&about=host"))))
    assert len(rows) == 5
    assert [row["name"][0] for row in rows] == ["'"] * 5
    assert rows[0]["name"] == "'=cmd|' /C calc'!A0"


def test_it_gives_json_lines_with_the_filters_of_the_list(ada: Client) -> None:
    wrote("h1")
    grave = wrote("h2", severity=Severity.ERROR, before={"a": [1]}, after={"a": "=2"})
    lines = [json.loads(line) for line in body(ada, "format=jsonl&severity=error").splitlines()]
    assert [line["id"] for line in lines] == [grave.pk]
    assert lines[0]["after"] == {"a": "=2"}
    assert lines[0]["correlation"] == str(grave.correlation)


def test_it_is_written_down_itself(ada: Client) -> None:
    body(ada, "format=jsonl&severity=error")
    entry = Event.orders.get()
    assert (entry.actor, entry.verb, entry.because) == ("ada", "export_events", "jsonl: severity=error")


@pytest.mark.parametrize("query", ["", "format=xls", "format=csv&severity=worst", "format=csv&x=1"])
def test_it_refuses_what_it_does_not_know(ada: Client, query: str) -> None:
    assert ada.get(f"/events/export?{query}").status_code == 400


def test_it_reads_piece_by_piece(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from datacenter.screens import event_export

    monkeypatch.setattr(event_export, "CHUNK", 2)
    host = factory.host("h1")
    for n in range(5):
        recording.write(host, actor="ann", kind=EventKind.STATE, because=str(n))
    lines = [json.loads(line) for line in body(ada, "format=jsonl").splitlines()]
    assert [line["because"] for line in lines[:5]] == ["0", "1", "2", "3", "4"]
