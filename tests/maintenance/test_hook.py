"""A webhook's POST …"""

import hashlib
import hmac
import json
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from datacenter.maintenance import hook
from datacenter.maintenance.address import UrlRefused, check_url
from datacenter.maintenance.hook import Answer, post
from tests.maintenance.steps.receiver import Receiver, make_certificate, receive

AT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@pytest.fixture
def receiver(settings: Settings, tmp_path: Path) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_SECRET = "a secret of ours"
    with receive() as server:
        yield server


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def send(receiver: Receiver, *, url: str = "", within_s: float = 5.0) -> Answer:
    return post(url or receiver.url, {"a": 1}, delivery="step-7-1", at=AT, within_s=within_s, resolver=here)


def test_it_is_signed_and_names_its_delivery_and_the_host_it_is_for(receiver: Receiver) -> None:
    answer = send(receiver)
    assert (answer.status, answer.taken, answer.text) == (200, True, "as you wish\n")
    got = receiver.got[0]
    assert (got.path, json.loads(got.body)) == ("/in?a=b", {"a": 1})
    assert got.headers["Host"] == f"hook.test:{receiver.port}"
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Godwit-Delivery"] == "step-7-1"
    # as docs/host-work.md says a receiver is to check it
    parts = dict(part.split("=", 1) for part in got.headers["Godwit-Signature"].split(","))
    assert parts["t"] == str(int(AT.timestamp()))
    expected = hmac.new(b"a secret of ours", parts["t"].encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)


def test_the_example_in_the_docs_takes_it_and_nothing_else(receiver: Receiver) -> None:
    text = (Path(__file__).parents[2] / "docs" / "host-work.md").read_text()
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(text.partition("```python\n")[2].partition("```")[0], names)
    check = names["is_from_godwit"]
    send(receiver)
    got, now = receiver.got[0], AT.timestamp()
    header = got.headers["Godwit-Signature"]
    assert check(header, got.body, b"a secret of ours", now)
    assert not check(header, got.body + b" ", b"a secret of ours", now)
    assert not check(header, got.body, b"another secret", now)
    assert not check(header, got.body, b"a secret of ours", now + 600)


def test_it_does_not_follow_a_redirect(receiver: Receiver) -> None:
    receiver.answers = ["redirect"]
    answer = send(receiver)
    assert (answer.taken, answer.again, answer.status) == (False, False, 302)
    assert [got.path for got in receiver.got] == ["/in?a=b"]


@pytest.mark.parametrize("how", ["slow", "drip"])
def test_it_ends_at_its_deadline_whatever_the_server_does(receiver: Receiver, how: str) -> None:
    receiver.answers = [how]
    began = time.monotonic()
    answer = send(receiver, within_s=1.0)
    assert time.monotonic() - began < 3.0
    assert (answer.error, answer.again) == ("hook.test did not answer within 1 s.", True)


def test_it_reads_no_more_than_the_beginning_of_an_endless_answer(receiver: Receiver) -> None:
    receiver.answers = ["big"]
    answer = send(receiver)
    assert answer.taken
    assert len(answer.text) == 4096


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
def test_it_says_whether_another_try_can_help(receiver: Receiver, status: int, again: bool) -> None:
    receiver.answers = [status]
    answer = send(receiver)
    assert (answer.taken, answer.again, answer.error) == (False, again, f"It answered {status}.")


def test_it_may_be_tried_again_where_the_server_hangs_up_or_nobody_listens(receiver: Receiver) -> None:
    receiver.answers = ["close"]
    assert send(receiver).again
    with receive() as gone:
        port = gone.port
    answer = send(receiver, url=f"http://hook.test:{port}/")
    assert (answer.again, answer.status) == (True, 0)


def test_it_uses_no_proxy_of_the_environment(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send(receiver).taken


# where it may go


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"],
)  # fmt: skip
def test_it_goes_to_no_address_of_ours(settings: Settings, receiver: Receiver, address: str) -> None:
    settings.WEBHOOK_NETWORKS = []
    answer = post(receiver.url, {}, delivery="d", at=AT, within_s=2.0, resolver=lambda host, port: [address])
    assert "is not a public address" in answer.error
    assert "GODWIT_WEBHOOK_NETWORKS" in answer.error
    assert (answer.again, receiver.got) == (False, [])


def test_it_goes_nowhere_if_one_of_the_names_addresses_is_ours(settings: Settings, receiver: Receiver) -> None:
    settings.WEBHOOK_NETWORKS = []
    answer = post(
        receiver.url, {}, delivery="d", at=AT, within_s=2.0, resolver=lambda host, port: ["192.0.43.7", "10.0.0.1"]
    )
    assert "10.0.0.1 is not a public address" in answer.error


def test_it_looks_the_name_up_once_and_connects_to_what_was_checked(receiver: Receiver) -> None:
    """DNS rebinding: a second look-up would give an address that was never checked."""
    asked: list[str] = []

    def turncoat(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.255.255.1"]

    answer = post(receiver.url, {}, delivery="d", at=AT, within_s=3.0, resolver=turncoat)
    assert answer.taken
    assert asked == ["hook.test"]  # a name that exists nowhere: nobody else could have looked it up


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example/", "file:///etc/passwd", "//a.example/", "https://", "https://u:p@a.example/",
     "https://u@a.example/", "https://a.example/#x", "https://a.example/ x", "https://a.example\\@b.example/",
     "https://a.example:99999/", "http://10.0.0.1/", "http://[::1]/", "https://bücher.example/",
     "https://a.example/" + "x" * 1000],
)  # fmt: skip
def test_it_refuses_a_url_that_makes_no_sense(url: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(url)


@pytest.mark.parametrize(
    "written", ["http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://017700000001/"]
)
def test_it_is_not_fooled_by_other_spellings_of_an_address(
    receiver: Receiver, settings: Settings, written: str
) -> None:
    settings.WEBHOOK_NETWORKS = []
    answer = post(written, {}, delivery="d", at=AT, within_s=2.0)
    assert answer.error
    assert not answer.status


# TLS


def test_it_checks_the_certificate_against_the_name_though_it_connects_to_a_number(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    right = make_certificate(tmp_path, "hook.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(right[0]))
    with receive(certificate=right) as server:
        assert send(server, url=f"https://hook.test:{server.port}/").taken


@pytest.mark.parametrize("name", ["other.test", "127.0.0.1"])
def test_it_refuses_another_names_certificate(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    wrong = make_certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(wrong[0]))
    with receive(certificate=wrong) as server:
        answer = send(server, url=f"https://hook.test:{server.port}/")
        assert (answer.taken, answer.again, server.got) == (False, False, [])
        assert "certificate" in answer.error.lower()


def test_the_secret_is_made_once_for_us_alone(settings: Settings, tmp_path: Path) -> None:
    settings.WEBHOOK_SECRET, settings.VAR = "", tmp_path
    first = hook.secret()
    assert len(first) >= 32
    assert hook.secret() == first
    assert stat.S_IMODE((tmp_path / "webhook_secret").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["webhook_secret"]
