"""The vendored front-end files are exactly those of the manifest."""

import json
import shutil
from pathlib import Path

import pytest

from deploy.vendor import ICONS, MANIFEST, VENDOR, problems
from hosts.states import State


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VENDOR, tmp_path / "vendor"))


def test_reports_a_file_that_was_changed(copy: Path) -> None:
    (copy / "htmx.org/2.0.11/htmx.min.js").write_text("var htmx = null\n")
    assert problems(copy) == ["htmx.org/2.0.11/htmx.min.js is not the file the manifest describes"]


def test_reports_a_file_that_nobody_listed(copy: Path) -> None:
    (copy / "htmx.org/2.0.11/extra.js").write_text("")
    assert problems(copy) == ["htmx.org/2.0.11/extra.js is not in the manifest"]


def test_reports_a_file_that_is_missing(copy: Path) -> None:
    (copy / "uplot/1.6.32/uPlot.min.css").unlink()
    assert problems(copy) == ["uplot/1.6.32/uPlot.min.css is missing"]


def test_holds_what_its_manifest_lists() -> None:
    assert problems() == []


def test_comes_with_a_licence_for_each_package() -> None:
    files = json.loads((VENDOR / MANIFEST).read_text())["files"]
    packages = {Path(entry["file"]).parent for entry in files}
    assert len(packages) >= 5
    assert {Path(entry["file"]).parent for entry in files if entry["file"].endswith("/LICENSE")} == packages


def test_points_no_browser_at_a_source_map() -> None:
    for path in VENDOR.rglob("*.min.*"):
        assert b"sourceMappingURL" not in path.read_bytes(), path


def test_draws_the_icon_of_every_state() -> None:
    sprite = next(VENDOR.glob("tabler-icons/*/icons.svg")).read_text()
    icons = {member.icon for states in State.__subclasses__() for member in states}
    assert len(icons) > 10
    missing = sorted(icon for icon in icons | ICONS.keys() if f'<symbol id="{icon}" ' not in sprite)
    assert missing == []
