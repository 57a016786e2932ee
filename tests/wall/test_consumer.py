"""A wall's socket: one word in, frames out, and nothing that acts."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.utils import timezone

from datacenter.asgi import application
from datacenter.live.hub import close_hub
from datacenter.models import Display, DisplayScreen
from datacenter.wall import consumer, hub
from datacenter.wall.hub import close_wall_hub, wall_hub
from datacenter.wall.screens import ticket
from hosts.models import Event
from tests.factory import make_cluster, make_host
from tests.live.wire import Wire
from tests.wall.displays import make_display

pytestmark = pytest.mark.django_db(transaction=True)
ROTATION = [["heat", 3600]]


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    settings.WALL_BEAT_S = 0.2
    monkeypatch.setattr(hub, "LOOK_S", 0.2)
    monkeypatch.setattr(hub, "SEEN_S", 0.3)


@pytest.fixture
async def connect():
    opened = []

    async def connect(path="/ws/wall", *, cookie=None, origin="http://localhost"):
        headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
        if cookie:
            headers.append((b"cookie", cookie.encode()))
        wire = Wire(application, path, headers=headers)
        if not await wire.connect():
            return None
        opened.append(wire)
        return wire

    yield connect
    for wire in opened:
        await wire.leave()
    await close_wall_hub()
    await close_hub()
    await sync_to_async(connections.close_all)()


def hello(link, **also):
    return {"hello": {"link": link, "screen": "s1", "size": "1920x1080", "version": "v", **also}}


async def say(wire, said):
    await wire.say(text=said if isinstance(said, str) else orjson.dumps(said).decode())


async def frame(wire, key="html", *, seconds=6.0):
    async with asyncio.timeout(seconds):
        while True:
            said = orjson.loads(await wire.hear(timeout=seconds))
            if key in said:
                return said


async def code(wire, *, seconds=6.0):
    async with asyncio.timeout(seconds):
        while True:
            message = await wire.receive_output(seconds)
            if message["type"] == "websocket.close":
                return message["code"]


make = sync_to_async(make_display)


async def test_it_shows_the_whole_picture_every_beat(connect):
    await sync_to_async(make_host)("h-shown")
    _, link = await make(scenes=ROTATION)
    wall = await connect()
    await say(wall, hello(link))
    first, second = await frame(wall), await frame(wall)
    assert first["scene"] == second["scene"] == "heat"
    assert "h-shown" in first["html"]
    assert first["html"] == second["html"]
    assert first["at"] < second["at"]


async def test_it_shows_its_own_scope_only(connect):
    blue, red = await sync_to_async(make_cluster)("blue"), await sync_to_async(make_cluster)("red")
    await sync_to_async(make_host)("h-blue", cluster=blue)
    await sync_to_async(make_host)("h-red", cluster=red)
    _, link = await make(of=blue, scenes=ROTATION)
    wall = await connect()
    await say(wall, hello(link))
    html = (await frame(wall))["html"]
    assert "h-blue" in html
    assert "h-red" not in html


HOSTILE = [
    "", "{}", "[]", "null", "7", "not json", "x" * 5000, '{"hello": 1}', '{"hello": {}}', '{"join": ["vms"]}',
    '{"hello": {"link": "a"}}', '{"hello": {"link": 1, "screen": "", "size": "", "version": ""}}',
    '{"hello": {"link": "a", "screen": "", "size": "", "version": "", "verb": "power_off"}}',
    '{"hello": {"link": "a", "screen": "", "size": "", "version": ""}, "join": []}',
]  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE)
async def test_it_understands_nothing_but_hello(connect, said):
    wall = await connect()
    await say(wall, said)
    assert await code(wall) == consumer.NOT_UNDERSTOOD


@pytest.mark.parametrize("said", [*HOSTILE, '{"hello": {"link": "a", "screen": "", "size": "", "version": ""}}'])
async def test_after_the_hello_every_word_ends_it_and_does_nothing(connect, said):
    _, link = await make()
    wall = await connect()
    await say(wall, hello(link))
    await frame(wall)
    before = await sync_to_async(Event.objects.count)()
    await say(wall, said)
    assert await code(wall) == consumer.NOT_UNDERSTOOD
    assert await sync_to_async(Event.objects.count)() == before


async def test_binary_is_no_hello(connect):
    wall = await connect()
    await wall.say(data=b"\0\1")
    assert await code(wall) == consumer.NOT_UNDERSTOOD


async def test_who_says_nothing_is_not_kept(connect, monkeypatch):
    monkeypatch.setattr(consumer, "HELLO_WITHIN_S", 0.2)
    assert await code(await connect()) == consumer.NOT_UNDERSTOOD


async def test_its_link_joins_nothing_on_the_pages_socket(connect):
    _, link = await make()
    for cookie in (None, f"{settings.SESSION_COOKIE_NAME}={link}"):
        wire = await connect("/ws/live", cookie=cookie)
        await say(wire, {"join": ["vms", "counts/overview"]})
        assert await code(wire) == 4401
    for path in ("/ws/nowhere", f"/ws/wall/{link}", f"/ws/{link}"):
        assert await connect(path) is None, path


async def test_it_reads_no_cookie(connect):
    """Somebody who is signed in is a stranger here."""
    client = Client()
    await sync_to_async(client.force_login)(await sync_to_async(get_user_model().objects.create_superuser)("root"))
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    wall = await connect(cookie=cookie)
    await say(wall, hello("aaaaaaaaaa." + "b" * 43))
    assert "no such display" in (await frame(wall, "ended"))["ended"]
    assert await code(wall) == consumer.ENDED


async def test_another_site_is_refused_at_the_handshake(connect):
    assert await connect(origin="http://evil.example") is None


async def test_it_says_so_and_stops_when_it_is_ended_while_it_shows(connect):
    display, link = await make()
    wall = await connect()
    await say(wall, hello(link))
    await frame(wall)
    await sync_to_async(Display.objects.filter(pk=display.pk).update)(revoked_at=timezone.now())
    assert "has ended this display" in (await frame(wall, "ended"))["ended"]
    assert await code(wall) == consumer.ENDED
    assert len(await wall_hub()) == 0


async def test_it_says_so_when_its_time_has_come_and_when_its_cluster_is_gone(connect):
    blue = await sync_to_async(make_cluster)("blue")
    (old, first), (_, second) = await make(), await make(of=blue)
    one, two = await connect(), await connect()
    await say(one, hello(first))
    await say(two, hello(second))
    await frame(one)
    await frame(two)
    past = timezone.now() - timedelta(seconds=1)
    await sync_to_async(Display.objects.filter(pk=old.pk).update)(expires_at=past)
    await sync_to_async(blue.delete)()
    assert "was good until" in (await frame(one, "ended"))["ended"]
    assert "no longer there" in (await frame(two, "ended"))["ended"]


async def test_it_follows_when_it_is_arranged_anew(connect):
    display, link = await make(scenes=ROTATION)
    wall = await connect()
    await say(wall, hello(link))
    assert (await frame(wall))["scene"] == "heat"
    await sync_to_async(Display.objects.filter(pk=display.pk).update)(scenes=[["capacity", 3600]])
    async with asyncio.timeout(6):
        while (await frame(wall))["scene"] != "capacity":
            pass


async def test_it_is_written_down_as_seen_and_a_moment_away_makes_no_second_screen(connect):
    display, link = await make()
    for size in ("1920x1080", "<script>"):
        wall = await connect()
        await say(wall, hello(link, size=size))
        await frame(wall)
        await wall.leave()
    (screen,) = [each async for each in DisplayScreen.objects.filter(display=display)]
    assert screen.size == "script"  # what a screen says of itself is tidied
    seen = screen.seen_at
    wall = await connect()
    await say(wall, hello(link))
    async with asyncio.timeout(6):
        while (await DisplayScreen.objects.aget(pk=screen.pk)).seen_at <= seen + timedelta(seconds=0.3):
            await frame(wall)
    assert (await DisplayScreen.objects.aget(pk=screen.pk)).opened_at == screen.opened_at


async def test_an_administrators_ticket_shows_it_and_counts_as_no_screen(connect):
    display, _ = await make(scenes=ROTATION)
    wall = await connect()
    await say(wall, hello(ticket(display), preview=True))
    assert (await frame(wall))["scene"] == "heat"
    assert not await sync_to_async(DisplayScreen.objects.exists)()
    other = await connect()
    await say(other, hello(ticket(display)))  # no link
    assert "ended" in await frame(other, "ended")


async def test_a_hundred_walls_of_one_display_cost_one_paint_a_beat(connect, monkeypatch):
    _, link = await make(scenes=ROTATION)
    painted = []
    real = hub.paint.paint
    monkeypatch.setattr(hub.paint, "paint", lambda *given: painted.append(given[3]) or real(*given))
    walls = [await connect() for _ in range(30)]
    for number, wall in enumerate(walls):
        await say(wall, hello(link, screen=f"s{number}"))
    seen = [await frame(wall) for wall in walls]
    assert len(painted) == len(set(painted))  # beats: one paint each
    assert len({each["html"] for each in seen}) == 1


async def test_a_display_has_not_more_screens_than_are_allowed(connect, monkeypatch):
    monkeypatch.setattr(consumer, "MOST_SCREENS", 1)
    _, link = await make()
    one, two = await connect(), await connect()
    await say(one, hello(link))
    await frame(one)
    await say(two, hello(link))
    assert await code(two) == consumer.TOO_MANY
