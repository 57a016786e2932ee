"""A command over SSH …"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from datacenter.maintenance import steps
from datacenter.maintenance.steps import command
from datacenter.maintenance.steps.command import KIND
from datacenter.maintenance.steps.output import MOST_BYTES
from datacenter.maintenance.steps.watch import Watch
from datacenter.models import PlanHost, PlanStep
from hosts.models import Transition
from tests.maintenance.steps.conftest import Keys, drive, make_step
from tests.maintenance.steps.sshd import Sshd, make_key, serve


def test_it_is_run_and_what_it_prints_is_kept(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command="echo out; echo err >&2; uname -s"))
    assert step.state == "done"
    assert sorted(step.output.split()) == ["Linux", "err", "out"]
    assert step.ended_at is not None
    assert "ended well" in step.because


def test_it_fails_with_the_commands_exit_status(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command="echo no space; exit 3"))
    assert (step.state, step.because) == ("failed", "The command ended with exit status 3.")
    assert step.output == "no space\n"


def test_it_fails_with_the_signal_that_ended_it(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command="kill -9 $$"))
    assert (step.state, step.because) == ("failed", "The command was ended by the signal KILL.")


def test_it_puts_the_hosts_address_in_place_of_host_and_touches_no_other_braces(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command="A=x; echo {host} ${A} {b}"))
    assert step.output == "127.0.0.1 x {b}\n"


def test_it_has_no_standard_input_and_no_environment_of_ours(
    reached: PlanHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_SECRET", "ours")
    step = drive(KIND, make_step(reached, "command", command='cat; echo "[$LC_SECRET]"'))
    assert (step.state, step.output) == ("done", "[]\n")


def test_it_keeps_the_end_of_a_huge_output_on_whole_lines(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command="seq 1 400000"))
    assert step.state == "done"
    assert len(step.output.encode()) <= MOST_BYTES
    lines = step.output.splitlines()
    assert lines[0] == "[… the beginning was left out]"
    assert lines[-1] == "400000"
    assert [int(line) for line in lines[1:]] == list(range(int(lines[1]), 400001))


def test_it_shows_what_is_not_utf8_and_drops_control_characters(reached: PlanHost) -> None:
    printed = r"printf 'gr\374n \033[31mred\033[0m\a 10%%\r20%%\000\n'"
    step = drive(KIND, make_step(reached, "command", command=printed))
    assert (step.state, step.output) == ("done", "gr�n red 10%\n20%\n")


def test_it_is_ended_at_its_deadline(reached: PlanHost, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asked = f"echo begun; (trap 'touch {mark}; exit 1' TERM; while :; do sleep 0.1; done)"
    step = drive(KIND, make_step(reached, "command", command=asked, deadline_s=1.5))
    assert step.state == "failed"
    assert step.because == "It was not done by its deadline; it was ended."
    assert step.output.startswith("begun\n")
    assert mark.exists(), "the command was not asked to end"


def test_it_does_not_wait_for_children_left_behind_with_its_streams_open(reached: PlanHost) -> None:
    began = time.monotonic()
    step = drive(KIND, make_step(reached, "command", command="sleep 30 & echo gone", deadline_s=20))
    assert (step.state, step.output) == ("done", "gone\n")
    assert time.monotonic() - began < 15


def test_it_says_that_the_outcome_is_not_known_where_the_connection_is_lost(reached: PlanHost, sshd: Sshd) -> None:
    threading.Timer(1.0, sshd.drop_sessions).start()
    step = drive(KIND, make_step(reached, "command", command="echo begun; sleep 20", deadline_s=60))
    assert step.state == "failed"
    assert "whether it was finished is not known" in step.because
    assert step.output == "begun\n"


def test_it_says_that_a_key_is_not_known_and_how_to_add_it(reached: PlanHost, keys: Keys, tmp_path: Path) -> None:
    keys.write(known="")
    mark = tmp_path / "mark"
    step = drive(KIND, make_step(reached, "command", command=f"touch {mark}"))
    assert step.state == "failed"
    assert "is not known" in step.because
    assert "SHA256:" in step.because
    assert 'manage.py trusthost h1 --data-center "Test"' in step.because
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_it_refuses_a_host_whose_key_changed(reached: PlanHost, keys: Keys, tmp_path: Path, kind: str) -> None:
    other = make_key(tmp_path / "other", kind=kind).with_suffix(".pub").read_text().split()
    keys.write(known=f"[127.0.0.1]:{keys.sshd.port} {other[0]} {other[1]}\n")
    mark = tmp_path / "mark"
    step = drive(KIND, make_step(reached, "command", command=f"touch {mark}"))
    assert step.state == "failed"
    assert "than the known one" in step.because
    assert "Nothing was run" in step.because
    assert "--replace" in step.because
    assert not mark.exists()


def test_it_refuses_a_revoked_key(reached: PlanHost, keys: Keys) -> None:
    keys.write(known=keys.sshd.known_host + "@revoked " + keys.sshd.known_host)
    assert drive(KIND, make_step(reached, "command", command="true")).state == "failed"


def test_it_refuses_a_private_key_that_others_may_read(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "id").chmod(0o640)
    step = drive(KIND, make_step(reached, "command", command="true"))
    assert step.state == "failed"
    assert "mode 640" in step.because
    assert "chmod 600" in step.because


def test_it_refuses_known_hosts_that_others_may_write(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "known_hosts").chmod(0o666)
    assert "mode 666" in drive(KIND, make_step(reached, "command", command="true")).because


def test_it_says_that_a_key_with_a_passphrase_does_not_do(reached: PlanHost, keys: Keys, tmp_path: Path) -> None:
    make_key(tmp_path / "locked", passphrase="secret words")
    (keys.folder / "id").write_text((tmp_path / "locked").read_text())
    assert "has a passphrase" in drive(KIND, make_step(reached, "command", command="true")).because


def test_it_says_where_the_public_key_belongs_when_the_host_refuses_it(
    reached: PlanHost, keys: Keys, tmp_path: Path
) -> None:
    (keys.folder / "id").write_text(make_key(tmp_path / "foreign").read_text())
    assert "authorized_keys" in drive(KIND, make_step(reached, "command", command="true")).because


def test_it_says_what_is_missing_where_nothing_is_set_up(reached: PlanHost, keys: Keys) -> None:
    (keys.folder / "id").unlink()
    assert "docs/host-work.md" in drive(KIND, make_step(reached, "command", command="true")).because


def test_it_fails_where_nobody_listens(reached: PlanHost, keys: Keys, tmp_path: Path) -> None:
    with serve(tmp_path / "short") as server:
        port = server.port
    (keys.folder / "ssh.toml").write_text(f"port = {port}\n")
    step = drive(KIND, make_step(reached, "command", command="true"))
    assert (step.state, "cannot be reached" in step.because) == ("failed", True)


def test_it_takes_a_hosts_own_address_from_the_data_centers_file(reached: PlanHost, keys: Keys) -> None:
    reached.host.uri = "qemu+tls://h1.invalid/system"
    reached.host.save()
    with (keys.folder / "ssh.toml").open("a") as file:
        file.write('[hosts.h1]\naddress = "127.0.0.1"\n')
    assert drive(KIND, make_step(reached, "command", command="true")).state == "done"


def test_it_never_goes_where_the_host_itself_says(reached: PlanHost) -> None:
    reached.host.uri = "qemu:///system"
    reached.host.hostname = "127.0.0.1"
    reached.host.save()
    step = drive(KIND, make_step(reached, "command", command="true"))
    assert (step.state, "names no address" in step.because) == ("failed", True)


def test_it_fails_on_a_simulated_host_and_says_why(reached: PlanHost) -> None:
    reached.host.uri = "sim://h1/"
    reached.host.save()
    step = drive(KIND, make_step(reached, "command", command="true"))
    assert (step.state, step.because) == (
        "failed", "h1 is a simulated host: it has no shell that could run a command.",
    )  # fmt: skip


def test_it_keeps_our_secrets_out_of_the_output(reached: PlanHost) -> None:
    step = drive(KIND, make_step(reached, "command", command=f"echo key {command.secrets()[-1]} end"))
    assert step.output == "key [secret] end\n"


def test_no_private_key_stands_in_any_row(reached: PlanHost, keys: Keys) -> None:
    drive(KIND, make_step(reached, "command", command="echo hello"))
    secret = "".join((keys.folder / "id").read_text().splitlines()[1:3])
    rows = [*PlanStep.objects.values(), *Transition.objects.values()]
    assert not any(secret[:60] in str(row) for row in rows)


# over a worker's end, and beside the runner


@pytest.mark.django_db(transaction=True)
def test_it_is_not_run_a_second_time_where_its_worker_ended(reached: PlanHost, tmp_path: Path) -> None:
    step = make_step(reached, "command", command=f"echo again >> {tmp_path}/ran")
    PlanStep.objects.filter(pk=step.pk).update(state="running")
    await_end(step)
    assert (step.state, step.because) == ("failed", command.UNKNOWN)
    assert not (tmp_path / "ran").exists()


@pytest.mark.django_db(transaction=True)
def test_it_is_left_alone_while_another_worker_follows_it(reached: PlanHost) -> None:
    step = make_step(reached, "command", command="true")
    watch = Watch.take(step.pk)
    assert watch is not None
    steps.run(step)
    time.sleep(0.5)
    step.refresh_from_db()
    assert step.state == "waiting"
    watch.close()
    await_end(step)
    assert step.state == "done"


@pytest.mark.django_db(transaction=True)
def test_it_shows_its_output_while_it_runs_and_ends_when_cancelled(reached: PlanHost, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asked = f"echo begun; trap 'touch {mark}; exit 1' TERM; while :; do sleep 0.1; done"
    step = make_step(reached, "command", command=asked)
    began = time.monotonic()
    steps.run(step)
    assert time.monotonic() - began < 1.0, "the runner's round waits for it"
    until(lambda: PlanStep.objects.get(pk=step.pk).output == "begun\n")
    step.refresh_from_db()
    assert step.state == "running"
    assert steps.cancel(step, because="Cancelled by ann.", actor="ann")
    until(mark.exists)
    until(lambda: "[cancelled: it was ended]" in PlanStep.objects.get(pk=step.pk).output)
    step.refresh_from_db()
    assert step.state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_it_is_run_once_however_often_it_is_asked_for(reached: PlanHost, tmp_path: Path) -> None:
    step = make_step(reached, "command", command=f"echo once >> {tmp_path}/ran; sleep 1")
    for _ in range(10):
        steps.run(PlanStep.objects.get(pk=step.pk))
        time.sleep(0.1)
    await_end(step)
    assert step.state == "done"
    assert (tmp_path / "ran").read_text() == "once\n"


@pytest.mark.django_db(transaction=True)
def test_it_is_followed_on_where_the_database_ends_every_connection(reached: PlanHost) -> None:
    step = make_step(reached, "command", command="echo begun; sleep 3; echo ended")
    steps.run(step)
    until(lambda: PlanStep.objects.get(pk=step.pk).output == "begun\n")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= 2, "the thread's connection and its watch"
    await_end(step)
    assert (step.state, step.output) == ("done", "begun\nended\n")


def await_end(step: PlanStep, seconds: float = 20.0) -> None:
    """As the runner does: ask again and again until it has ended, and its thread with it."""

    def ended() -> bool:
        step.refresh_from_db()
        if step.state in ("waiting", "running"):
            steps.run(step)
            return False
        return True

    until(ended, seconds)
    until(lambda: not any(each.name == f"step-{step.pk}" for each in threading.enumerate()))


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.1)
