"""Somewhere to send to."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from datacenter.notify import address
from tests.maintenance.steps.receiver import Receiver, receive
from tests.notify.mailbox import Mailbox, open_mailbox


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    with open_mailbox(settings) as box:
        yield box


@pytest.fixture
def hook_at(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS, settings.WEBHOOK_SECRET = ["127.0.0.0/8"], "a secret of ours"
    monkeypatch.setattr(address, "_look_up", lambda host, port: ["127.0.0.1"])
    with receive() as server:
        yield server
