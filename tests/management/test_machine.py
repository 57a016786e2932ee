"""Ports, the one `up` of a clone, the page's answer, and files that changed."""

import asyncio
import json
import os
import socket
from pathlib import Path

import pytest

from datacenter.management.machine import AlreadyRunning, answers, fingerprint, free_port, only_one


def test_a_taken_port_leads_to_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + 100


def test_a_free_port_is_used_as_wanted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert free_port(port) == port


def test_a_second_up_is_told_where_the_first_runs(var: Path) -> None:
    with only_one(var) as notice:
        notice.write_text(json.dumps({"pid": 4711, "url": "http://127.0.0.1:8003/"}))
        with pytest.raises(AlreadyRunning, match=r"http://127.0.0.1:8003/ \(process 4711"), only_one(var):
            pass
    with only_one(var):
        pass


def test_a_notice_left_by_a_crash_is_nobodys(var: Path) -> None:
    (var / "up.json").write_text(json.dumps({"pid": 4711, "url": "http://127.0.0.1:8003/"}))
    with only_one(var) as notice:
        assert not notice.exists()


@pytest.mark.parametrize(("status", "well"), [(b"200 OK", True), (b"500 Internal Server Error", False)])
async def test_a_page_answers_only_with_200(status: bytes, well: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert await answers(server.sockets[0].getsockname()[1]) is well


async def test_no_page_is_no_answer() -> None:
    assert await answers(free_port(20000)) is False


def test_a_fingerprint_sees_content_names_and_new_files(tmp_path: Path) -> None:
    def seen(*, content: bool = True) -> str:
        return fingerprint(tmp_path, ["**/*.py"], content=content)

    (tmp_path / "a.py").write_text("1")
    first = seen()
    assert seen() == first
    (tmp_path / "a.txt").write_text("not asked for")
    assert seen() == first
    (tmp_path / "a.py").write_text("2")
    second = seen()
    assert second != first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert seen() != second
    by_time = seen(content=False)
    os.utime(tmp_path / "b.py", (1, 1))
    assert seen(content=False) != by_time
