"""advance() …"""

import logging

import pytest

from hosts import feed
from hosts.advance import TransitionRefused, advance
from hosts.models import Host, Migration, Transition
from hosts.states import HostState, MigrationState
from tests.factory import make_host, make_migration

pytestmark = pytest.mark.django_db


def test_it_refuses_an_edge_that_the_table_does_not_have() -> None:
    migration = make_migration()
    with pytest.raises(TransitionRefused):
        advance(migration, MigrationState.DONE, because="wishful thinking")
    assert Migration.objects.get().state == "queued"
    assert not Transition.objects.exists()


def test_it_refuses_to_change_nothing() -> None:
    with pytest.raises(TransitionRefused):
        advance(make_host(), HostState.UP, because="again")


def test_it_does_nothing_when_another_was_faster() -> None:
    host = make_host(state=str(HostState.CONNECTING))
    Host.objects.filter(pk=host.pk).update(state=str(HostState.NON_RESPONSIVE))
    assert advance(host, HostState.UP, because="answered") is False
    assert Host.objects.get().state == "non_responsive"
    assert not Transition.objects.exists()


def test_it_writes_state_reason_and_fields_together(caplog: pytest.LogCaptureFixture) -> None:
    migration = make_migration()
    with caplog.at_level(logging.INFO, logger="hosts.advance"):
        assert advance(migration, MigrationState.CHECKING, because="A worker took it.", actor="ann", iterations=3)
    kept = Migration.objects.get()
    assert (kept.state, kept.because, kept.iterations) == ("checking", "A worker took it.", 3)
    assert (migration.state, migration.iterations) == ("checking", 3)
    row = Transition.objects.get()
    assert (row.noun, row.row, row.old, row.new, row.actor) == ("migration", migration.pk, "queued", "checking", "ann")
    assert len(caplog.records) == 1
    assert caplog.records[0].action == "migration_state_changed"


def test_it_tells_the_feed_after_the_commit_only(
    django_capture_on_commit_callbacks: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(feed.OUT, "put", lambda topic, kind, data: told.append(topic))
    host = make_host(state=str(HostState.CONNECTING))
    with django_capture_on_commit_callbacks(execute=False) as callbacks:  # type: ignore[operator]
        advance(host, HostState.UP, because="answered")
        assert told == []
    for callback in callbacks:
        callback()
    assert told == [f"host:{host.pk}"]
