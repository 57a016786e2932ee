"""The fan-out: newest wins, one frame a beat, nobody waits for a slow client, one that stays slow is let go."""

import asyncio

import orjson
import pytest

from datacenter.live import groups as module
from datacenter.live.groups import Groups, Socket
from datacenter.live.items import parse


class Browser:
    """A socket whose frames are kept; ``open`` cleared: it takes none."""

    def __init__(self):
        self.frames = []
        self.open = asyncio.Event()
        self.open.set()
        self.dropped = False
        self.socket = Socket(self.take, drop=self.drop)

    async def take(self, frame):
        await self.open.wait()
        self.frames.append(orjson.loads(frame))

    def drop(self):
        self.dropped = True

    def html(self):
        return [frame["html"] for frame in self.frames if "html" in frame]


@pytest.fixture
async def groups():
    groups = Groups()
    groups.listening = True
    running = asyncio.create_task(groups.run())
    yield groups
    running.cancel()


def enter(groups, *names):
    browser = Browser()
    groups.enter(browser.socket)
    groups.join(browser.socket, [parse(name) for name in names], refused=[])
    return browser


async def beats(number):
    await asyncio.sleep(module.BEAT_S * number + 0.03)


async def test_it_sends_only_what_a_socket_shows(groups):
    one, two = enter(groups, "vm:1/row"), enter(groups, "vm:2/row")
    groups.publish("vm:1/row", "<tr>1</tr>")
    await beats(2)
    assert one.html() == [{"vm:1/row": "<tr>1</tr>"}]
    assert two.html() == []


async def test_it_sends_the_newest_of_many_in_one_frame_a_beat(groups):
    browser = enter(groups, "vm:1/row")
    await beats(1)
    for number in range(100):
        groups.publish("vm:1/row", f"<tr>{number}</tr>")
    await beats(2)
    assert browser.html()[-1] == {"vm:1/row": "<tr>99</tr>"}
    assert len(browser.html()) <= 2


async def test_a_slow_client_gets_the_newest_and_blocks_nobody(groups):
    slow, quick = enter(groups, "vm:1/row"), enter(groups, "vm:1/row")
    slow.open.clear()
    for number in range(5):
        groups.publish("vm:1/row", f"<tr>{number}</tr>")
        await beats(1)
    assert len(quick.html()) == 5
    assert slow.frames == []
    slow.open.set()
    await beats(2)
    assert [frame["vm:1/row"] for frame in slow.html()] == ["<tr>0</tr>", "<tr>4</tr>"]


async def test_a_client_that_takes_nothing_for_long_is_dropped(groups, monkeypatch):
    monkeypatch.setattr(module, "SLOW_S", 0.2)
    slow = enter(groups, "vm:1/row")
    slow.open.clear()
    groups.publish("vm:1/row", "<tr></tr>")
    await asyncio.sleep(1.0)
    assert slow.dropped
    slow.open.set()


async def test_figures_are_merged_field_by_field(groups):
    browser = enter(groups, "vm:1")
    groups.publish("vm:1", {"cpu_percent": ["1 %", 1]})
    groups.publish("vm:1", {"rss_bytes": ["2 B", 2]})
    await beats(1)
    merged = {}
    for frame in browser.frames:
        merged |= frame.get("text", {}).get("vm:1", {})
    assert merged == {"cpu_percent": ["1 %", 1], "rss_bytes": ["2 B", 2]}


async def test_what_was_heard_beats_what_was_read_from_the_database(groups):
    browser = enter(groups, "vm:1")
    groups.publish("vm:1", {"cpu_percent": ["9 %", 9]})
    groups.publish("vm:1", {"cpu_percent": ["1 %", 1], "rss_bytes": ["2 B", 2]}, older=True)
    await beats(2)
    assert browser.frames[-1]["text"]["vm:1"] == {"cpu_percent": ["9 %", 9], "rss_bytes": ["2 B", 2]}


async def test_a_second_socket_gets_the_known_paint_without_a_new_one(groups):
    first = enter(groups, "vm:1/row")
    groups.publish("vm:1/row", "<tr>1</tr>")
    second = Browser()
    groups.enter(second.socket)
    assert groups.join(second.socket, [parse("vm:1/row")], refused=[]) == []
    await beats(2)
    assert first.html() == second.html() == [{"vm:1/row": "<tr>1</tr>"}]


async def test_a_join_names_what_was_refused_once(groups):
    browser = Browser()
    groups.enter(browser.socket)
    groups.join(browser.socket, [], refused=["vm:9/row"])
    await beats(3)
    assert [frame["refused"] for frame in browser.frames if "refused" in frame] == [["vm:9/row"]]


async def test_it_says_that_the_path_is_alive_only_while_the_database_is_heard(groups, monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.2)
    browser = enter(groups)
    await asyncio.sleep(0.7)
    assert len(browser.frames) >= 2
    assert all(frame.keys() == {"at"} for frame in browser.frames)
    groups.listening = False
    await beats(2)
    count = len(browser.frames)
    await asyncio.sleep(0.7)
    assert len(browser.frames) == count


async def test_nothing_is_kept_of_what_nobody_shows(groups):
    browser = enter(groups, "vm:1/row", "vm:1", "vms")
    groups.leave(browser.socket)
    assert not groups.shows("vm:1")
    assert (groups._shown, dict(groups._by_topic), len(groups)) == ({}, {}, 0)


async def test_two_sockets_that_miss_the_same_share_one_packed_frame(groups, monkeypatch):
    packed = []
    pack = groups._pack
    monkeypatch.setattr(groups, "_pack", lambda news, **also: packed.append(news) or pack(news, **also))
    browsers = [enter(groups, "vm:1/row") for _ in range(10)]
    groups.publish("vm:1/row", "<tr>1</tr>")
    await beats(2)
    assert all(browser.html() == [{"vm:1/row": "<tr>1</tr>"}] for browser in browsers)
    assert len(packed) == 1
