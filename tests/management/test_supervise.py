"""A program that ends is started again, with growing pauses, until it is stopped."""

import asyncio
import os
from pathlib import Path

import pytest

from datacenter.management import supervise
from datacenter.management.supervise import Program, how_it_ended, pause_after
from tests.management.conftest import python


def program(var: Path, said: list[tuple[str, str]], code: str) -> Program:
    return Program(
        name="thing",
        argv=python(code),
        log=var / "log" / "thing.log",
        env=dict(os.environ),
        cwd=var,
        say=lambda name, what: said.append((name, what)),
    )


def test_the_pauses_double_up_to_thirty_seconds() -> None:
    assert [pause_after(ends) for ends in (1, 2, 3, 4, 5, 6, 1000)] == [1, 2, 4, 8, 16, 30, 30]


def test_an_end_is_put_in_words() -> None:
    assert how_it_ended(-9) == "was ended by SIGKILL"
    assert how_it_ended(0) == "ended by itself"
    assert how_it_ended(3) == "failed with code 3"


async def test_it_comes_back_and_says_why_it_ended(
    var: Path, said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE", 0.01)
    failing = program(var, said, "print('no such table'); raise SystemExit(3)")
    task = asyncio.create_task(failing.run())
    async with asyncio.timeout(20):
        while len([what for _, what in said if "failed with code 3" in what]) < supervise.LOUD_AFTER:
            await asyncio.sleep(0.02)
    await failing.stop(patience=1)
    await task
    assert said[1] == ("thing", "  it said last: no such table")
    assert "KEEPS ENDING" not in said[0][1]
    assert any("KEEPS ENDING (3 times in a row)" in what for _, what in said)


async def test_a_program_that_lived_well_starts_over_with_the_first_pause(
    var: Path, said: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(supervise, "LIVED_WELL", 0.0)
    ending = program(var, said, "pass")
    task = asyncio.create_task(ending.run())
    async with asyncio.timeout(20):
        while len(said) < 5:
            await asyncio.sleep(0.02)
    await ending.stop(patience=1)
    await task
    assert not any("KEEPS ENDING" in what for _, what in said)


async def test_stopping_ends_it_for_good_and_quietly(var: Path, said: list[tuple[str, str]]) -> None:
    running = program(var, said, "import time; time.sleep(60)")
    task = asyncio.create_task(running.run())
    while running.pid is None:
        await asyncio.sleep(0.01)
    await running.stop(patience=5)
    async with asyncio.timeout(5):
        await task
    assert running.pid is None
    assert said == []


async def test_stopping_during_a_pause_does_not_wait_for_its_end(var: Path, said: list[tuple[str, str]]) -> None:
    ending = program(var, said, "pass")
    task = asyncio.create_task(ending.run())
    while not said:
        await asyncio.sleep(0.01)
    await ending.stop(patience=5)
    async with asyncio.timeout(0.5):
        await task
