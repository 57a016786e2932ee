"""Typing at a guest's console: the shell on its first serial port."""

from __future__ import annotations

import os
import select
import time

from deploy.lab.machine import LabError

ANSWER_S = 30.0


def type_line(path: str, line: str) -> None:
    """Type a line at a console (a /dev/pts path: the hosts share the machine's) and wait for its echo.

    QEMU looks only once a second whether anybody has opened the pty, and throws away what came and went between:
    so it must stay open until the guest has answered.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        _drain(descriptor)
        os.write(descriptor, f"\n{line}\n".encode())
        _await_echo(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _drain(descriptor: int) -> None:
    while select.select([descriptor], [], [], 0)[0]:
        if not os.read(descriptor, 4096):
            return


def _await_echo(descriptor: int, line: bytes) -> None:
    seen = b""
    deadline = time.monotonic() + ANSWER_S
    while line not in seen:
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise LabError(f"the guest's console did not answer within {ANSWER_S:g} s")
        seen += os.read(descriptor, 4096)
