"""manage.py trusthost …"""

import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from datacenter.maintenance.steps.command import KIND
from datacenter.models import PlanHost
from tests.maintenance.steps.conftest import Keys, drive, make_step
from tests.maintenance.steps.sshd import make_key, serve


def trust(**options: object) -> None:
    call_command("trusthost", "h1", "--data-center", "Test", **options)


def says(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: answer)


def test_it_shows_the_fingerprint_and_adds_the_key_on_yes(
    reached: PlanHost, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (keys.folder / "known_hosts").unlink()
    says(monkeypatch, "yes")
    trust()
    assert "SHA256:" in capsys.readouterr().out
    assert stat.S_IMODE((keys.folder / "known_hosts").stat().st_mode) == 0o600
    assert drive(KIND, make_step(reached, "command", command="true")).state == "done"


@pytest.mark.parametrize("answer", ["", "y", "no"])
def test_it_adds_nothing_on_any_other_answer(
    reached: PlanHost, keys: Keys, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    (keys.folder / "known_hosts").unlink()
    says(monkeypatch, answer)
    with pytest.raises(CommandError, match="Nothing was added"):
        trust()
    assert not (keys.folder / "known_hosts").exists()


def test_it_takes_a_fingerprint_that_was_told_beforehand_and_no_other(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "known_hosts").unlink()
    with pytest.raises(CommandError, match="another fingerprint"):
        trust(fingerprint="SHA256:AAAA")
    assert not (keys.folder / "known_hosts").exists()


def test_it_wants_to_be_told_to_replace_a_known_key_and_leaves_other_hosts_keys_alone(
    reached: PlanHost, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = " ".join(make_key(tmp_path / "old").with_suffix(".pub").read_text().split()[:2])
    others = f"# of ours\nother.example {old}\n"
    keys.write(known=f"{others}[127.0.0.1]:{keys.sshd.port} {old}\n")
    says(monkeypatch, "yes")
    with pytest.raises(CommandError, match="--replace"):
        trust()
    trust(replace=True)
    assert (keys.folder / "known_hosts").read_text() == others + keys.sshd.known_host
    assert drive(KIND, make_step(reached, "command", command="true")).state == "done"


def test_it_asks_nobody_where_the_key_is_known(reached: PlanHost, capsys: pytest.CaptureFixture[str]) -> None:
    trust()
    assert "has this key already" in capsys.readouterr().out


def test_it_says_that_there_is_no_such_host(reached: PlanHost) -> None:
    with pytest.raises(CommandError, match="no host h9"):
        call_command("trusthost", "h9", "--data-center", "Test")


def test_it_says_that_nobody_listens(reached: PlanHost, keys: Keys, tmp_path: Path) -> None:
    with serve(tmp_path / "short") as gone:
        port = gone.port
    (keys.folder / "ssh.toml").write_text(f"port = {port}\n")
    with pytest.raises(CommandError, match="cannot be reached"):
        trust()
