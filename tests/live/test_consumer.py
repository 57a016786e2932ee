"""The socket's manners: who may come in, what may be joined, and how hostile talk ends."""

import asyncio

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from datacenter.asgi import application
from datacenter.live import consumers
from datacenter.live import paint as painting
from datacenter.live.hub import close_hub, hub
from hosts import feed
from tests.factory import make_vm
from tests.live.wire import Wire

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def plain_rows(monkeypatch):
    """What the screens look like is not tested here."""
    monkeypatch.setattr(painting, "render_to_string", lambda name, context: f"<tr>{context['vm']}</tr>")


@pytest.fixture
def user(transactional_db):
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def cookie(user):
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
async def connect():
    opened = []

    async def connect(cookie=None, *, origin="http://localhost", path="/ws/live"):
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if cookie:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        wire = Wire(application, path, headers=headers)
        if not await wire.connect():
            return None
        opened.append(wire)
        return wire

    yield connect
    for socket in opened:
        await socket.leave()
    await close_hub()
    await sync_to_async(connections.close_all)()  # of the thread in which Channels asks for users


async def until(socket, key, *, seconds=4.0):
    """The first frame that has ``key``."""
    async with asyncio.timeout(seconds):
        while True:
            frame = orjson.loads(await socket.hear(timeout=seconds))
            if key in frame:
                return frame


async def ended(socket, *, seconds=4.0):
    """The code with which the server closed it."""
    async with asyncio.timeout(seconds):
        while True:
            message = await socket.receive_output(seconds)
            if message["type"] == "websocket.close":
                return message["code"]


async def say(socket, said):
    await socket.say(text=said if isinstance(said, str) else orjson.dumps(said).decode())


async def test_a_stranger_is_told_to_sign_in(connect):
    assert await ended(await connect()) == consumers.SIGNED_OUT


async def test_another_site_is_refused_at_the_handshake(connect, cookie):
    assert await connect(cookie, origin="http://evil.example") is None


async def test_an_unknown_address_is_refused_without_a_traceback(connect, cookie):
    assert await connect(cookie, path="/ws/nowhere") is None


async def test_it_greets_with_the_version(connect, cookie):
    frame = await until(await connect(cookie), "version")
    assert frame.keys() == {"at", "version"}


async def test_the_answer_to_a_join_is_the_current_paint_and_figures(connect, cookie):
    vm = await sync_to_async(make_vm)("db1", cpu_percent=3.0)
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{vm.pk}/row", f"vm:{vm.pk}"]})
    assert (await until(socket, "html"))["html"] == {f"vm:{vm.pk}/row": "<tr>db1</tr>"}


async def test_what_does_not_exist_or_may_not_be_seen_is_refused_by_name(connect, cookie, monkeypatch):
    seen, hidden = await sync_to_async(make_vm)("seen"), await sync_to_async(make_vm)("hidden")
    monkeypatch.setattr(consumers, "can", lambda user, verb, row=None: row is None or row.name == "seen")
    socket = await connect(cookie)
    names = [f"vm:{seen.pk}/row", f"vm:{hidden.pk}/row", "vm:99999999/row", "user:1/row"]
    await say(socket, {"join": names})
    assert set((await until(socket, "refused"))["refused"]) == set(names[1:])
    live = await hub()
    assert live.groups.shows(f"vm:{seen.pk}")
    assert not live.groups.shows(f"vm:{hidden.pk}")


async def test_a_new_join_replaces_the_one_before(connect, cookie):
    one, two = await sync_to_async(make_vm)(), await sync_to_async(make_vm)()
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{one.pk}/row"]})
    await until(socket, "html")
    await say(socket, {"join": [f"vm:{two.pk}/row"]})
    assert set((await until(socket, "html"))["html"]) == {f"vm:{two.pk}/row"}
    assert not (await hub()).groups.shows(f"vm:{one.pk}")


async def test_a_change_of_the_row_arrives_painted_anew(connect, cookie):
    vm = await sync_to_async(make_vm)("before")
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{vm.pk}/row"]})
    await until(socket, "html")

    def rename():
        vm.name = "after"
        vm.save()
        feed.changed("vm", vm.pk)

    await sync_to_async(rename)()
    while (frame := await until(socket, "html"))["html"] != {f"vm:{vm.pk}/row": "<tr>after</tr>"}:
        assert frame["html"] == {f"vm:{vm.pk}/row": "<tr>before</tr>"}


async def test_a_hundred_changes_of_a_row_are_few_paints(connect, cookie, monkeypatch):
    vm = await sync_to_async(make_vm)("busy")
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{vm.pk}/row"]})
    await until(socket, "html")
    paints = []
    monkeypatch.setattr(painting, "render_to_string", lambda name, context: paints.append(name) or "<tr></tr>")
    live = await hub()
    for _ in range(100):
        live.hear([[f"vm:{vm.pk}", "changed", None]])
    await until(socket, "html")
    await asyncio.sleep(0.3)
    assert len(paints) == 1


async def test_figures_and_points_arrive_as_they_are_told(connect, cookie):
    vm = await sync_to_async(make_vm)("db1")
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{vm.pk}"]})
    await until(socket, "text")
    await sync_to_async(feed.figures)("vm", vm.pk, {"cpu_percent": 55.5})
    frame = await until(socket, "text")
    assert frame["text"][f"vm:{vm.pk}"]["cpu_percent"] == ["56 %", 55.5]


async def test_a_coarse_topic_is_told_at_most_once_a_second(connect, cookie):
    socket = await connect(cookie)
    await say(socket, {"join": ["vms"]})
    await asyncio.sleep(1.2)  # the word that comes with the (re)connection of the listener
    live = await hub()
    frames = []
    for number in range(15):
        live.hear([[f"vm:{number + 1}", "changed", None]])
        await asyncio.sleep(0.1)
    while not await socket.receive_nothing(timeout=0.3):
        frames.append(orjson.loads(await socket.hear()))
    told = [frame for frame in frames if "topics" in frame]
    assert 1 <= len(told) <= 4


async def test_it_says_that_it_is_alive_every_two_seconds(connect, cookie):
    socket = await connect(cookie)
    await until(socket, "version")
    for _ in range(2):
        frame = orjson.loads(await socket.hear(timeout=3.2))
        assert frame.keys() == {"at"}


@pytest.mark.parametrize(
    "said",
    [
        "not JSON",
        "",
        "[]",
        "null",
        "{}",
        '{"join": "vm:1/row"}',
        '{"join": [1]}',
        '{"join": [null]}',
        '{"join": [["vm:1/row"]]}',
        '{"join": [], "order": "cancel"}',
        '{"leave": []}',
        '{"join": ["' + "x" * 200 + '"]}',
        '{"join": [' + ",".join(f'"vm:{n}/row"' for n in range(1, 502)) + "]}",
        "[" * 30_000,
        "x" * 100_000,
    ],
    ids=lambda said: said[:24],
)
async def test_what_live_js_never_says_ends_the_socket(connect, cookie, said, caplog):
    socket = await connect(cookie)
    await say(socket, said)
    assert await ended(socket) == consumers.NOT_UNDERSTOOD
    assert "Traceback" not in caplog.text


async def test_binary_ends_the_socket(connect, cookie):
    socket = await connect(cookie)
    await socket.say(data=b"\x00\xff")
    assert await ended(socket) == consumers.NOT_UNDERSTOOD


async def test_a_flood_ends_the_socket(connect, cookie):
    socket = await connect(cookie)
    for _ in range(int(consumers.BURST) + 10):
        await say(socket, {"join": []})
    assert await ended(socket) == consumers.TOO_MANY


async def test_one_account_cannot_open_sockets_without_end(connect, cookie, monkeypatch):
    monkeypatch.setattr(consumers, "MOST_SOCKETS", 2)
    for _ in range(2):
        await until(await connect(cookie), "version")
    assert await ended(await connect(cookie)) == consumers.TOO_MANY


async def test_five_hundred_items_are_taken(connect, cookie):
    socket = await connect(cookie)
    names = [f"vm:{number}/row" for number in range(10_001, 10_501)]
    await say(socket, {"join": names})
    assert len((await until(socket, "refused"))["refused"]) == 500


@pytest.mark.parametrize("how", ["logout", "deactivated", "password", "deleted"])
async def test_the_end_of_the_session_ends_the_socket(connect, cookie, user, how, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_S", 0.2)
    socket = await connect(cookie)
    await until(socket, "version")

    def end():
        if how == "logout":
            client = Client()
            client.cookies[settings.SESSION_COOKIE_NAME] = cookie
            client.session.flush()
        elif how == "deactivated":
            get_user_model().objects.update(is_active=False)
        elif how == "password":
            user.set_password("another")
            user.save()
        else:
            user.delete()

    await sync_to_async(end)()
    assert await ended(socket) == consumers.SIGNED_OUT


async def test_a_topic_that_may_no_longer_be_seen_is_taken_away(connect, cookie, monkeypatch):
    monkeypatch.setattr(consumers, "RECHECK_S", 0.2)
    vm = await sync_to_async(make_vm)()
    socket = await connect(cookie)
    await say(socket, {"join": [f"vm:{vm.pk}/row"]})
    await until(socket, "html")
    monkeypatch.setattr(consumers, "can", lambda user, verb, row=None: row is None)
    assert (await until(socket, "refused"))["refused"] == [f"vm:{vm.pk}/row"]
    assert not (await hub()).groups.shows(f"vm:{vm.pk}")


async def test_the_recheck_stays_within_a_minute():
    assert consumers.RECHECK_S <= 60
