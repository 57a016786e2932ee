"""Hosts of a plan with steps that log in …"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datacenter.maintenance import steps
from datacenter.maintenance.terms import StepTerms, TermsRefused
from datacenter.models import PlanHost
from hosts.models import Host
from tests.factory import make_host
from tests.maintenance.steps.conftest import Keys
from tests.maintenance.steps.sshd import free_port, make_key

COMMAND = StepTerms(kind="command", params={"command": "true"})
CONFIRM = StepTerms(kind="confirm", params={"text": "Done?"})


def refusal(hosts: list[Host], *terms: StepTerms) -> TermsRefused | None:
    try:
        steps.check_hosts(terms or (CONFIRM, COMMAND), hosts)
    except TermsRefused as exc:
        return exc
    return None


def test_they_pass_where_their_keys_are_the_known_ones(reached: PlanHost) -> None:
    assert refusal([reached.host]) is None


def test_they_are_refused_where_a_key_changed_with_the_step_and_the_remedy(
    reached: PlanHost, keys: Keys, tmp_path: Path
) -> None:
    old = " ".join(make_key(tmp_path / "old").with_suffix(".pub").read_text().split()[:2])
    keys.write(known=f"[127.0.0.1]:{keys.sshd.port} {old}\n")
    refused = refusal([reached.host])
    assert refused is not None
    assert refused.field == "steps-1-command"
    assert "another SSH host key" in str(refused)
    assert "--replace" in str(refused)


def test_they_are_refused_where_a_key_is_not_known(reached: PlanHost, keys: Keys) -> None:
    keys.write(known="")
    assert "is not known" in str(refusal([reached.host]))


def test_they_are_refused_where_no_key_of_ours_is_set_up(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "id").unlink()
    assert "does not exist" in str(refusal([reached.host]))


def test_they_are_not_refused_for_being_off(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "ssh.toml").write_text(f"port = {free_port()}\n")
    assert refusal([reached.host]) is None


def test_nobody_is_asked_where_no_step_logs_in(reached: PlanHost, keys: Keys) -> None:
    keys.write(known="")
    assert refusal([reached.host], CONFIRM) is None


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def test_many_that_do_not_answer_take_no_longer_than_one(reached: PlanHost, keys: Keys, mute: int) -> None:
    (keys.folder / "ssh.toml").write_text(f"port = {mute}\n")
    hosts = [make_host(f"m{number}", uri=f"qemu+tls://127.0.0.1:{number}/system") for number in range(1, 25)]
    for host in hosts:
        host.cluster = reached.host.cluster
    began = time.monotonic()
    assert refusal(hosts) is None
    assert time.monotonic() - began < 8.0
