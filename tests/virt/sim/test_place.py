"""The socket's path: never longer than a unix socket may be, never in a folder for all."""

import stat
from pathlib import Path

import pytest

from hosts.virt.sim.place import make_folder, snapshot_path, socket_path


def test_it_takes_the_path_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_SIM_SOCKET", "/run/x/sim.sock")
    assert socket_path() == Path("/run/x/sim.sock")


def test_it_is_where_the_installation_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GODWIT_SIM_SOCKET", raising=False)
    monkeypatch.delenv("GODWIT_SIM_SNAPSHOT", raising=False)
    monkeypatch.setenv("GODWIT_VAR", "/srv/godwit")
    assert socket_path() == Path("/srv/godwit/run/sim.sock")
    assert snapshot_path() == Path("/srv/godwit/sim.json")


def test_a_path_too_long_for_a_socket_becomes_a_short_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = set()
    for tail in ("a", "b"):
        monkeypatch.setenv("GODWIT_SIM_SOCKET", f"/{'ü' * 60}/{tail}/sim.sock")
        assert len(str(socket_path()).encode()) <= 107
        assert socket_path() == socket_path()
        paths.add(socket_path())
    assert len(paths) == 2


def test_its_folder_is_for_one_user(tmp_path: Path) -> None:
    make_folder(tmp_path / "new" / "sim.sock")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
