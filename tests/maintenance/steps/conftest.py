"""A plan's host in maintenance, with steps to run; and an SSH server that this host is reached at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from datacenter.maintenance.steps.turn import Kind, Turn
from datacenter.models import Plan, PlanHost, PlanStep
from hosts.models import Host
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import POOL
from tests.factory import make_host
from tests.maintenance.steps.sshd import Sshd, make_key, serve, user

MakeStep = Callable[..., PlanStep]


def plan_host(host: Host, **fields: Any) -> PlanHost:
    plan = Plan.objects.create(title="Kernel update", state="running", made_by="ann")
    return PlanHost.objects.create(plan=plan, host=host, state="working", **fields)


def make_step(place: PlanHost, kind: str, **params: Any) -> PlanStep:
    return PlanStep.objects.create(plan_host=place, kind=kind, params=params)


def turn(step: PlanStep, *, clock: Clock = WALL) -> Turn:
    return Turn(step=PlanStep.objects.get(pk=step.pk), clock=clock, pool=POOL)


def drive(kind: Kind, step: PlanStep, *, clock: Clock = WALL) -> PlanStep:
    """Begin it, or go on with it, in this thread; the row as it is afterwards."""
    now = turn(step, clock=clock)
    if now.step.state == "waiting":
        kind.begin(now)
    else:
        kind.go_on(now)
    step.refresh_from_db()
    return step


@dataclass
class Keys:
    """The key folder of the data center “Test”."""

    folder: Path
    sshd: Sshd

    def write(self, *, known: str | None = None, **more: str) -> None:
        """Files as an administrator leaves them; ``known``: what known_hosts says, the server's true key if None."""
        self.folder.mkdir(parents=True, exist_ok=True)
        key = self.folder / "id"
        key.unlink(missing_ok=True)
        key.write_text(self.sshd.client_key.read_text())
        key.chmod(0o600)
        trusted = self.folder / "known_hosts"
        trusted.write_text(self.sshd.known_host if known is None else known)
        trusted.chmod(0o600)
        lines = [f'user = "{user()}"', f"port = {self.sshd.port}", *(f"{name} = {told}" for name, told in more.items())]
        (self.folder / "ssh.toml").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with serve(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def keys(sshd: Sshd, tmp_path: Path, settings: Settings) -> Keys:
    settings.KEYS = tmp_path / "keys"
    files = Keys(folder=tmp_path / "keys" / "Test", sshd=sshd)
    files.write()
    return files


@pytest.fixture
def reached(keys: Keys, db: None) -> PlanHost:
    """A host in maintenance whose SSH server is the one above."""
    host = make_host("h1", uri="qemu+tls://127.0.0.1/system", state="maintenance")
    return plan_host(host)


__all__ = ["make_key"]
