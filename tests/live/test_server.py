"""Real web processes and real sockets: two servers, a database connection that is cut, a client that does not read."""

import asyncio
import json
import statistics
import time

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hosts import feed
from tests.browser.serving import Server
from tests.factory import make_vm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def pair(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    pair = [Server(log=folder / f"web{number}.log", settings="tests.browser.probe_settings") for number in (1, 2)]
    with django_db_blocker.unblock():
        for server in pair:
            server.start()
    yield pair
    for server in pair:
        server.stop()
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def servers(transactional_db, pair):
    return pair


@pytest.fixture
def cookie(transactional_db):
    client = Client()
    client.force_login(get_user_model().objects.create_user("ann"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def vm(transactional_db):
    yield make_vm("db1")
    feed.OUT.flush()


def enter(server, cookie, **options):
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    return connect(server.live_url, additional_headers=headers, origin=server.url, compression=None, **options)


async def join(socket, *names):
    await socket.send(json.dumps({"join": list(names)}))


async def until(socket, wanted, *, seconds=8.0):
    async with asyncio.timeout(seconds):
        while True:
            frame = json.loads(await socket.recv())
            if wanted(frame):
                return frame


def says(vm, text):
    return lambda frame: frame.get("text", {}).get(f"vm:{vm.pk}", {}).get("cpu_percent", [""])[0] == text


def listeners():
    with psycopg.connect(**feed.link_parameters(), autocommit=True) as link:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
        return {pid for (pid,) in link.execute(query, ("godwit live",))}


def end_backends(pids):
    with psycopg.connect(**feed.link_parameters(), autocommit=True) as link:
        for pid in pids:
            link.execute("SELECT pg_terminate_backend(%s)", (pid,))


@sync_to_async
def tell(vm, percent):
    feed.figures("vm", vm.pk, {"cpu_percent": percent})


async def test_one_figure_reaches_the_sockets_of_two_web_processes(servers, cookie, vm):
    async with enter(servers[0], cookie) as one, enter(servers[1], cookie) as two:
        for socket in (one, two):
            await join(socket, f"vm:{vm.pk}")
            await until(socket, lambda frame: "text" in frame)
        await tell(vm, 42.0)
        await until(one, says(vm, "42 %"))
        await until(two, says(vm, "42 %"))


async def test_it_hears_again_and_repaints_all_after_its_connection_was_ended(servers, cookie, vm):
    async with enter(servers[0], cookie) as socket:
        await join(socket, f"vm:{vm.pk}", f"vm:{vm.pk}/row")
        await until(socket, lambda frame: "html" in frame)
        pids = await sync_to_async(listeners)()

        def change_unheard():
            end_backends(pids)
            type(vm).objects.filter(pk=vm.pk).update(name="renamed", cpu_percent=7.0)

        await sync_to_async(change_unheard)()
        row = await until(socket, lambda frame: "renamed" in str(frame.get("html", "")))
        assert f"vm:{vm.pk}/row" in row["html"]
        await tell(vm, 43.0)
        await until(socket, says(vm, "43 %"))
        assert not pids & await sync_to_async(listeners)()


async def test_one_connection_listens_for_all_sockets_of_a_process(servers, cookie, vm):
    async with enter(servers[0], cookie) as one, enter(servers[0], cookie) as two:
        await join(one, f"vm:{vm.pk}")
        await until(one, lambda frame: "text" in frame)
        with_one = await sync_to_async(listeners)()
        assert with_one
        await join(two, f"vm:{vm.pk}")
        await until(two, lambda frame: "text" in frame)
        assert await sync_to_async(listeners)() <= with_one


async def lag(client, vm, number):
    """Seconds until this client shows the figure."""
    before = time.monotonic()
    await tell(vm, float(number))
    await until(client, says(vm, f"{number} %" if number >= 10 else f"{number}.0 %"))
    return time.monotonic() - before


async def test_a_client_that_does_not_read_gets_the_newest_and_blocks_nobody(servers, cookie, vm):
    slow_one = enter(servers[0], cookie, max_queue=1)
    async with slow_one as slow, enter(servers[0], cookie) as quick:
        vms = [vm, *[await sync_to_async(make_vm)() for _ in range(40)]]
        names = [f"vm:{each.pk}/row" for each in vms] + [f"vm:{vm.pk}"]
        await join(slow, *names)
        await join(quick, *names)
        await until(quick, lambda frame: "html" in frame)
        alone = [await lag(quick, vm, number) for number in range(30)]
        slow.transport.pause_reading()
        beside = [await lag(quick, vm, number) for number in range(30)]
        slow.transport.resume_reading()
        await until(slow, says(vm, "29 %"))
        assert statistics.median(beside) < 5 * statistics.median(alone)


async def test_another_site_is_refused(servers, cookie):
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(servers[0].live_url, additional_headers=headers, origin="http://evil.example")
    assert refused.value.response.status_code == 403


async def test_a_stranger_is_told_to_sign_in(servers):
    socket = await connect(servers[0].live_url, origin=servers[0].url)
    with pytest.raises(ConnectionClosed):
        await until(socket, lambda frame: False)
    assert socket.close_code == 4401


async def test_it_ends_within_seconds_though_sockets_are_open(servers, cookie):
    async with enter(servers[0], cookie) as socket:
        await until(socket, lambda frame: "version" in frame)
        before = time.monotonic()
        await asyncio.to_thread(servers[0].stop)
        assert time.monotonic() - before < 6
        with pytest.raises(ConnectionClosed):
            await until(socket, lambda frame: False)
    await asyncio.to_thread(servers[0].start)


@pytest.fixture(autouse=True)
async def _no_connection_left():
    yield
    await sync_to_async(connections.close_all)()
