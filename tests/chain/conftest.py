"""Entries that are sealed, and a person who may write to the database itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from hosts import recording
from hosts.chain.sealing import seal_some
from hosts.models import Event, EventKind
from tests.factory import make_host


@pytest.fixture(autouse=True)
def var(settings: Any, tmp_path: Path) -> Path:
    settings.VAR = tmp_path
    return tmp_path


@pytest.fixture
def sealed() -> Callable[[int], list[Event]]:
    """Write so many entries and seal them."""

    def write(count: int) -> list[Event]:
        host = make_host()
        for n in range(count):
            recording.write(
                host, actor="ann", kind=EventKind.ORDER, verb="tag_host", because=f"tag {n}", after={"n": n / 7}
            )
        assert seal_some() == count
        return list(Event.objects.exclude(number=None).order_by("number"))

    return write


@pytest.fixture
def owner() -> Callable[[str], None]:
    """SQL as the database's owner, who switches the trigger off first."""

    def execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hosts_event DISABLE TRIGGER hosts_event_guard")
            cursor.execute(sql)
            cursor.execute("ALTER TABLE hosts_event ENABLE TRIGGER hosts_event_guard")

    return execute
