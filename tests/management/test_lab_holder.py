"""The process that holds the lab takes down what it brought up, however it is let go of."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

# A lab that is a file: `up` makes it, `down` removes it.
LAB = """
import pathlib, sys, time
what, var = sys.argv[1], pathlib.Path(sys.argv[2])
up = var / "the-lab"
if what == "check":
    print("no namespaces here"); sys.exit((var / "unable").exists())
if what == "status":
    sys.exit(not up.exists())
if what == "up":
    up.touch(); print("half way", flush=True)
    if (var / "slow").exists():
        time.sleep(60)
    print('{"hosts": [{"name": "h1", "uri": "qemu+tcp://10.78.1.1/system"}]}')
    sys.exit((var / "failing").exists())
up.unlink()
"""
HOLDER = """
import asyncio, pathlib, sys
from datacenter.management import lab
var = pathlib.Path(sys.argv[1])
lab._command = lambda *words: [sys.executable, str(var / "lab.py"), words[0], str(var)]
asyncio.run(lab.hold(var))
"""


@pytest.fixture
def holder(var: Path) -> Iterator["list[subprocess.Popen[str]]"]:
    (var / "lab.py").write_text(LAB)
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(var: Path, started: "list[subprocess.Popen[str]]") -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(var)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    started.append(process)
    return process


def answer(process: "subprocess.Popen[str]") -> dict[str, object]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def let_go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_a_machine_that_cannot_is_told_why(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    (var / "unable").touch()
    assert answer(start(var, holder)) == {"why": "no namespaces here"}


def test_a_lab_that_fails_is_told_why_and_cleaned_up(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    (var / "failing").touch()
    process = start(var, holder)
    assert "why" in answer(process)
    assert process.wait(10) == 0
    assert not (var / "the-lab").exists()


def test_the_lab_stands_until_it_is_let_go_of(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    process = start(var, holder)
    assert answer(process) == {"lab": {"hosts": [{"name": "h1", "uri": "qemu+tcp://10.78.1.1/system"}]}}
    assert (var / "the-lab").exists()
    let_go(process)
    assert not (var / "the-lab").exists()


def test_letting_go_half_way_takes_down_the_half(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    (var / "slow").touch()
    process = start(var, holder)
    log = var / "log" / "lab.log"
    while not (log.exists() and "half way" in log.read_text()):
        assert process.poll() is None
    let_go(process)
    assert not (var / "the-lab").exists()


def test_a_lab_that_stood_already_is_left_standing(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    (var / "the-lab").touch()
    process = start(var, holder)
    assert "lab" in answer(process)
    let_go(process)
    assert (var / "the-lab").exists()


def test_what_a_crash_left_is_still_ours_to_take_down(var: Path, holder: "list[subprocess.Popen[str]]") -> None:
    crashed = start(var, holder)
    assert "lab" in answer(crashed)
    crashed.kill()
    crashed.wait()
    assert (var / "the-lab").exists()
    process = start(var, holder)
    assert "lab" in answer(process)
    let_go(process)
    assert not (var / "the-lab").exists()
