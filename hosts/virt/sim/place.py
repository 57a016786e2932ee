"""Where the simulator's socket and snapshot are."""

import hashlib
import os
import tempfile
from pathlib import Path

#: sun_path holds 108 bytes with its closing zero
_LONGEST_SOCKET = 107
_ROOT = Path(__file__).resolve().parents[3]


def _var() -> Path:
    """Where this installation keeps what it writes: GODWIT_VAR, or var/ in the clone."""
    return Path(os.environ.get("GODWIT_VAR") or _ROOT / "var").absolute()


def socket_path() -> Path:
    """``GODWIT_SIM_SOCKET``, or run/sim.sock of this installation; a short one in /tmp where that is too long."""
    wanted = Path(os.environ.get("GODWIT_SIM_SOCKET") or _var() / "run" / "sim.sock")
    return wanted if len(os.fsencode(wanted)) <= _LONGEST_SOCKET else _short(wanted)


def _short(wanted: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"godwit-{os.getuid()}-{digest}" / "sim.sock"


def make_folder(path: Path) -> None:
    """The socket's folder, for our user alone; PermissionError where somebody else made it first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to another user")


def snapshot_path() -> Path:
    """``GODWIT_SIM_SNAPSHOT``, or sim.json of this installation."""
    return Path(os.environ.get("GODWIT_SIM_SNAPSHOT") or _var() / "sim.json")
