"""The private PostgreSQL starts, comes back after crashes, and keeps to its folder."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from datacenter.management import postgres
from datacenter.management.postgres import Cluster, PostgresError
from datacenter.management.processes import ended

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
ROOT = Path(__file__).resolve().parent.parent.parent


def ask(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]


@pytest.fixture
async def cluster(var: Path) -> AsyncIterator[Cluster]:
    chosen = postgres.choose(var, "postgres", durable=False)
    yield chosen
    await postgres.stop(chosen)


async def test_programs_of_another_version_do_not_touch_the_data(var: Path) -> None:
    data = var / "postgres" / "data"
    data.mkdir(parents=True, mode=0o700)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match="made by PostgreSQL 9"):
        postgres.choose(var, "postgres")


async def test_it_starts_without_tcp_and_keeps_what_is_written(var: Path) -> None:
    cluster = postgres.choose(var, "postgres")
    await postgres.start(cluster)
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SHOW fsync") == "on"
    with psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    await postgres.stop(cluster)
    assert postgres.running(cluster) is None
    await postgres.start(cluster)
    assert ask(cluster, "SELECT answer FROM kept") == 42
    await postgres.stop(cluster)


async def test_only_its_account_can_enter_its_folder(cluster: Cluster) -> None:
    await postgres.start(cluster)
    found = cluster.place.stat()
    assert found.st_mode & 0o77 == 0
    assert found.st_uid == (cluster.account.uid if cluster.account else os.geteuid())


async def test_a_running_one_is_adopted(cluster: Cluster) -> None:
    pid = await postgres.start(cluster)
    assert await postgres.start(cluster) == pid


async def test_it_comes_back_after_being_killed_with_all_that_was_committed(var: Path) -> None:
    cluster = postgres.choose(var, "postgres")  # a durable one: what tests run on may forget
    pid = await postgres.start(cluster)
    with psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(pid, signal.SIGKILL)
    await ended(pid)
    assert await postgres.start(cluster) != pid
    assert ask(cluster, "SELECT answer FROM kept") == 42
    await postgres.stop(cluster)


async def test_a_pid_that_now_belongs_to_another_program_is_no_obstacle(cluster: Cluster) -> None:
    pid = await postgres.start(cluster)
    stale = (cluster.data / "postmaster.pid").read_text()
    await postgres.stop(cluster)
    with subprocess.Popen(["sleep", "60"]) as other:
        # As the account itself would have left it: with a living process behind the number.
        notice = cluster.data / "postmaster.pid"
        notice.write_text(stale.replace(str(pid), str(other.pid), 1))
        if cluster.account:
            os.chown(notice, cluster.account.uid, cluster.account.gid)
        assert await postgres.start(cluster) != other.pid
        assert other.poll() is None
        other.kill()
    assert ask(cluster, "SELECT 1") == 1


async def test_half_a_cluster_is_made_anew(cluster: Cluster) -> None:
    (cluster.place / "data.new").mkdir()
    (cluster.place / "data.new" / "half").touch()
    await postgres.start(cluster)
    assert ask(cluster, "SELECT 1") == 1
    assert not (cluster.data / "half").exists()


async def test_a_start_that_fails_says_why(cluster: Cluster) -> None:
    await postgres.start(cluster)
    await postgres.stop(cluster)
    (cluster.data / "postgresql.auto.conf").write_text("no_such_setting = on\n")
    with pytest.raises(PostgresError, match=r"did not start: .*configuration file"):
        await postgres.start(cluster)


async def test_a_clone_that_lies_deep_has_its_socket_elsewhere(var: Path) -> None:
    deep = var / ("deep" * 20) / "var"
    deep.mkdir(parents=True)
    cluster = postgres.choose(deep, "postgres")
    try:
        await postgres.start(cluster)
        assert cluster.socket_folder != cluster.place
        assert ask(cluster, "SELECT 1") == 1
    finally:
        await postgres.stop(cluster)
        shutil.rmtree(cluster.socket_folder)


@as_root
async def test_a_closed_clone_has_its_data_elsewhere_and_keeps_it_when_moved(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "SHARED", var / "shared")
    closed = var / "closed"
    (closed / "clone").mkdir(mode=0o755, parents=True)
    closed.chmod(0o700)
    cluster = postgres.choose(closed / "clone", "postgres")
    try:
        await postgres.start(cluster)
        assert cluster.place.is_relative_to(var / "shared")
        assert (closed / "clone" / "postgres").resolve() == cluster.place
        (closed / "clone").rename(closed / "moved")
        assert postgres.choose(closed / "moved", "postgres").place == cluster.place
        (closed / "clone").mkdir()
        assert postgres.choose(closed / "clone", "postgres").place != cluster.place
    finally:
        await postgres.stop(cluster)


@as_root
async def test_an_ordinary_user_runs_it_as_himself(var: Path) -> None:
    shutil.chown(var, "nobody")
    shutil.chown(var / "log", "nobody")
    code = (
        "import asyncio, sys; from pathlib import Path; from datacenter.management import postgres\n"
        "cluster = postgres.choose(Path(sys.argv[1]), 'postgres')\n"
        "assert cluster.account is None\n"
        "asyncio.run(postgres.start(cluster)); print(postgres.running(cluster)); asyncio.run(postgres.stop(cluster))"
    )
    # The system's Python: the account may be unable to reach ours. The modules need nothing but the standard library.
    packages = shutil.copytree(ROOT / "datacenter", var / "code" / "datacenter")
    done = subprocess.run(
        ["/usr/bin/python3", "-B", "-c", code, str(var)],
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd=packages.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdigit()


async def test_it_ends_with_whoever_started_it_in_whatever_way(var: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from datacenter.management import postgres\n"
        "cluster = postgres.choose(Path(sys.argv[1]), 'postgres')\n"
        "print(asyncio.run(postgres.start(cluster)), flush=True); input()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(var)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=ROOT
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    await asyncio.wait_for(ended(pid), 10)
    assert "database system is shut down" in (var / "log" / "postgres.log").read_text()
