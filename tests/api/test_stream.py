"""Events as a stream: everything once, in order, nothing hidden, and no longer than the token lives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from datacenter.api import stream, wire
from datacenter.orders.tokens import revoke_token
from hosts.models import Event
from tests.api.conftest import Api
from tests.api.rights import give
from tests.factory import make_cluster, make_host

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BEAT_S", 0.02)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.2)


def say(number: int, *, name: str = "h1", **place: Any) -> None:
    """An event as it stands once it was sealed."""
    Event.objects.create(noun="host", row=1, name=name, new="up", actor="Godwit", number=number, **place)


def listen(text: str, **headers: str) -> Any:
    given = {"Authorization": f"Bearer {text}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return AsyncClient().get("/api/v1/events/stream", headers=given)


async def heard(answer: Any, count: int) -> list[str]:
    """The ids of the first ``count`` events."""
    ids: list[str] = []
    async with asyncio.timeout(20):
        async for chunk in answer.streaming_content:
            ids += [line[4:] for line in chunk.decode().splitlines() if line.startswith("id: ")]
            if len(ids) >= count:
                break
    await answer.streaming_content.aclose()
    return ids


async def test_it_tells_what_happens_from_now_on(make: Callable[..., Any]) -> None:
    text = (await sync_to_async(make)("vera"))[1]
    await sync_to_async(say)(1)
    answer = await listen(text)
    assert answer["Content-Type"] == "text/event-stream"
    task = asyncio.create_task(heard(answer, 2))
    while not wire.wire().streams:
        await asyncio.sleep(0.01)
    await sync_to_async(say)(2)
    await sync_to_async(say)(3)
    assert await task == ["2", "3"]


async def test_it_goes_on_behind_the_last_event_that_was_heard(make: Callable[..., Any]) -> None:
    text = (await sync_to_async(make)("vera"))[1]
    for number in (1, 2, 3):
        await sync_to_async(say)(number)
    assert await heard(await listen(text, Last_Event_ID="1"), 2) == ["2", "3"]


async def test_it_tells_nobody_what_they_may_not_see(make: Callable[..., Any], people: Any) -> None:
    def prepare() -> tuple[int, str]:
        mine = make_cluster("mine")
        people["vera"].role_bindings.all().delete()
        give(people["vera"], ["view"], level="cluster", row=mine.pk)
        say(1, cluster_pk=make_host(cluster=make_cluster("far", datacenter="Far")).cluster_id)
        say(2, cluster_pk=mine.pk)
        return mine.pk, make("vera")[1]

    mine, text = await sync_to_async(prepare)()
    answer = await listen(text, Last_Event_ID="0")
    task = asyncio.create_task(heard(answer, 2))
    while not wire.wire().streams:
        await asyncio.sleep(0.01)
    await sync_to_async(say)(3)
    await sync_to_async(say)(4, cluster_pk=mine)
    assert await task == ["2", "4"]


async def test_it_says_that_it_lives_and_ends_with_its_token(make: Callable[..., Any], people: Any) -> None:
    token, text = await sync_to_async(make)("vera")
    answer = await listen(text)
    chunks: list[bytes] = []

    async def all_of_it() -> None:
        async for chunk in answer.streaming_content:
            chunks.append(chunk)
            if chunk.startswith(b": alive") and not token.revoked_at:
                await sync_to_async(revoke_token)(people["vera"], token)

    await asyncio.wait_for(all_of_it(), 20)
    assert b": alive\n\n" in chunks
    assert not wire.wire().streams


async def test_it_refuses_strangers_and_ids_that_are_none(make: Callable[..., Any]) -> None:
    text = (await sync_to_async(make)("vera"))[1]
    assert (await listen("gdw_none")).status_code == 401
    wrong = await listen(text, Last_Event_ID="now")
    assert (wrong.status_code, wrong["Content-Type"]) == (422, "application/problem+json")


def test_it_is_only_read(ada: Api) -> None:
    assert ada.post("/events").status_code == 405


@pytest.mark.parametrize(("verbs", "told"), [(["view"], ["2"]), (["view", "audit"], ["1", "2"])])
async def test_it_tells_who_tried_what_to_those_who_audit_alone(
    make: Callable[..., Any], people: Any, verbs: list[str], told: list[str]
) -> None:
    def prepare() -> str:
        say(1, kind="refused")
        say(2)
        return make("ada", verbs=verbs)[1]

    text = await sync_to_async(prepare)()
    assert await heard(await listen(text, Last_Event_ID="0"), len(told)) == told
    listed = await sync_to_async(lambda: Api(text).get("/events?sort=id").json())()
    refused = [each for each in listed["items"] if each["kind"] == "refused"]
    assert bool(refused) == ("audit" in verbs)


@pytest.mark.parametrize(("verbs", "told"), [(["view"], "2"), (["view", "audit"], "1")])
async def test_it_does_so_for_what_happens_from_now_on(make: Callable[..., Any], verbs: list[str], told: str) -> None:
    text = (await sync_to_async(make)("ada", verbs=verbs))[1]
    task = asyncio.create_task(heard(await listen(text), 1))
    while not wire.wire().streams:
        await asyncio.sleep(0.01)
    await sync_to_async(say)(1, kind="security")
    await sync_to_async(say)(2)
    assert await task == [told]
