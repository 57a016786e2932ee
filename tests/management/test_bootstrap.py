"""deploy/bootstrap installs what is missing, says what it can't, and does nothing the second time.

It runs here in a copy without requirements, as an ordinary user, among programs that only note how they were called.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = [
    "bash",
    "cat",
    "dirname",
    "env",
    "flock",
    "grep",
    "head",
    "mkdir",
    "pkg-config",
    "printf",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "tail",
    "tee",
    "tr",
]
SUDO = '#!/bin/sh\necho "$*" >> "$CALLS"\n'
# Says that all but the missing packages are installed, as dpkg-query does: one line each, exit code 1 for unknown ones.
DPKG_QUERY = """#!/bin/sh
for package; do
  case " -W -f $MISSING " in *" $package "*) ;; *) echo "ii  $package" ;; esac
done
"""


class Clone:
    """A copy of what bootstrap needs, and the programs it may find."""

    def __init__(self, var: Path) -> None:
        self.root = var / "clone"
        self.path = var / "bin"
        self.calls = var / "calls"
        self.path.mkdir()
        self.calls.touch()
        (self.root / "deploy").mkdir(parents=True)
        shutil.copy(ROOT / "deploy/bootstrap", self.root / "deploy")
        shutil.copytree(ROOT / "deploy/apt", self.root / "deploy/apt")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.root / name).write_text("# nothing\n")
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool) or f"/missing/{tool}")
        if os.geteuid() == 0:
            for folder in (var, *var.rglob("*")):
                if not folder.is_symlink():
                    shutil.chown(folder, "nobody", "nogroup")

    def program(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)
        (self.path / name).chmod(0o755)

    def debian(self, *, missing: str = "", sudo: bool = False) -> "Clone":
        self.missing = missing
        self.program("dpkg-query", DPKG_QUERY)
        self.program("apt-get", "#!/bin/sh\nexit 1\n")
        if sudo:
            self.program("sudo", SUDO)
        return self

    def bootstrap(self, mode: str) -> "subprocess.CompletedProcess[str]":
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(
            [self.root / "deploy/bootstrap", mode],
            env={"PATH": str(self.path), "CALLS": str(self.calls), "MISSING": getattr(self, "missing", "")},
            capture_output=True,
            text=True,
            check=False,
            **as_nobody,  # type: ignore[call-overload]
        )


@pytest.fixture
def clone(var: Path) -> Clone:
    return Clone(var)


def test_refuses_another_word(clone: Clone) -> None:
    done = clone.debian().bootstrap("--everything")
    assert done.returncode == 1
    assert "usage" in done.stderr


def test_names_the_command_where_it_may_not_install(clone: Clone) -> None:
    done = clone.debian(missing="libvirt-dev").bootstrap("--test")
    assert done.returncode == 1
    assert "As root, run: apt-get install --no-install-recommends libvirt-dev" in done.stderr


def test_names_the_parts_on_another_system(clone: Clone) -> None:
    done = clone.bootstrap("--demo")
    assert done.returncode == 1
    assert "a C compiler (gcc)" in done.stderr
    assert "Then run the same command again." in done.stderr


def test_goes_on_without_the_labs_packages_for_the_demo(clone: Clone) -> None:
    done = clone.debian(missing="qemu-utils").bootstrap("--demo")
    assert done.returncode == 0, done.stderr
    assert "qemu-utils" in done.stdout
    assert (clone.root / ".venv/bin/python").exists()


def test_installs_only_what_is_missing_and_makes_no_cluster(clone: Clone) -> None:
    done = clone.debian(missing="libvirt-dev cpio", sudo=True).bootstrap("--test")
    assert done.returncode == 0, done.stderr
    calls = clone.calls.read_text().splitlines()
    install = next(index for index, call in enumerate(calls) if " install " in call)
    assert calls[install].endswith("--no-install-recommends install libvirt-dev cpio")
    switch = "/etc/postgresql-common/createcluster.d/godwit.conf"
    assert any(call.endswith(f"tee {switch}") for call in calls[:install])
    assert any(call.endswith(f"rm -f {switch}") for call in calls[install:])


def test_does_and_says_nothing_the_second_time(clone: Clone) -> None:
    assert clone.debian(sudo=True).bootstrap("--test").returncode == 0
    made = (clone.root / ".venv/bin/python").lstat().st_mtime_ns
    for mode in ("--test", "--demo"):
        done = clone.bootstrap(mode)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert clone.calls.read_text() == ""
    assert (clone.root / ".venv/bin/python").lstat().st_mtime_ns == made


def test_makes_the_venv_anew_in_a_clone_that_was_moved(clone: Clone) -> None:
    assert clone.debian().bootstrap("--demo").returncode == 0
    moved = clone.root.with_name("moved")
    clone.root.rename(moved)
    clone.root = moved
    assert "making .venv" in clone.bootstrap("--demo").stdout
    assert str(moved) in (moved / ".venv/bin/pip").read_text()
