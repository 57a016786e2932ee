"""Our end of the pipe to the process that holds the lab (datacenter.management.lab)."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacenter.management.processes import ended, exit_code

ROOT = Path(__file__).resolve().parent.parent.parent
NO_SUDO = "it needs root, and sudo did not let us; run as root, or `sudo -v` before"


@dataclass(slots=True, kw_only=True)
class LabLink:
    """The lab, as long as we hold it. ``holder`` is None where it could not even be asked for."""

    holder: subprocess.Popen[bytes] | None

    @classmethod
    def start(cls, var: Path) -> "LabLink":
        """Ask for the lab and go on at once; root is needed, through sudo where we are not root."""
        sudo: list[str] = []
        if os.geteuid() != 0:
            if not _may_sudo():
                return cls(holder=None)
            name = f"GODWIT_LAB_NAME={os.environ.get('GODWIT_LAB_NAME', '')}"
            sudo = ["sudo", "-n", "env", "PYTHONDONTWRITEBYTECODE=1", name]
        return cls(
            holder=subprocess.Popen(
                [*sudo, sys.executable, "-m", "datacenter.management.lab", str(var)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # sudo remembers the terminal it asked on: the holder stays in our group and ignores Ctrl-C by itself.
                process_group=None if sudo else 0,
            )
        )

    async def answer(self) -> dict[str, Any]:
        """What became of it: ``{"lab": {…}}`` or ``{"why": "…"}``."""
        if self.holder is None or self.holder.stdout is None:
            return {"why": NO_SUDO}
        reader = asyncio.StreamReader(limit=1_000_000)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, self.holder.stdout)
        try:
            line = await reader.readline()
            said = json.loads(line) if line else {"why": "it ended without a word; see var/log/lab.log"}
        finally:
            transport.close()
        return dict(said)

    async def release(self, *, patience: float) -> bool:
        """Let go of the lab and wait for its end; False when that takes longer than ``patience`` seconds."""
        if self.holder is None or self.holder.stdin is None:
            return True
        self.holder.stdin.close()
        try:
            await asyncio.wait_for(ended(self.holder.pid), patience)
        except TimeoutError:
            return False
        await exit_code(self.holder)
        return True


def _may_sudo() -> bool:
    """Whether sudo lets us; asks for the password where there is a terminal to ask on."""
    prompt = "The lab of real libvirt hosts needs root. Password of %u (Ctrl-C: go on without the lab): "
    words = ["-p", prompt, "-v"] if sys.stdin.isatty() else ["-n", "true"]
    try:
        return subprocess.run(["sudo", *words], stderr=None, check=False).returncode == 0
    except (FileNotFoundError, KeyboardInterrupt):
        return False
