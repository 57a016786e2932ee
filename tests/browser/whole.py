"""A whole Godwit for browser tests: collector and worker as processes of their own, beside the web process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

from tests.browser.serving import ROOT, database_environment

STOP_S = 10.0


class Program:
    """One ``manage.py`` command on the test's database, from ``with`` to the end of the block."""

    def __init__(self, *words: str, log: Path) -> None:
        self.words = words
        self.log = log

    def __enter__(self) -> "Program":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", *self.words], cwd=ROOT, env=database_environment(), stdout=log, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)


class Complaints:
    """What a page's console says is wrong, scripts that failed, and answers of the server that are its own fault."""

    def __init__(self, page: Page) -> None:
        self.lines: list[str] = []
        page.on("pageerror", lambda error: self.lines.append(f"page error: {error}"))
        page.on("console", self._said)
        page.on("response", lambda answer: self._answered(answer.status, answer.url))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.lines.append(f"console {message.type}: {message.text} {where(message.location)}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 500:
            self.lines.append(f"{status} {url}")


def where(location: Any) -> str:
    """The place in a script that a console line came from."""
    return f"({location.get('url', '')}:{location.get('lineNumber', '')})"
