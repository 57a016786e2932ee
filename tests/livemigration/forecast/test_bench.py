"""make bench-forecast: it …"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.forecast import LOGS, judge, load, summary
from tests.bench.forecast import after as forecast_after
from tests.bench.forecast import before as forecast_before
from tests.bench.migration_logs import BadLogError, case, read

ROOT = Path(__file__).resolve().parents[3]
FORBIDDEN = ("ws_mib", "rate_mibs", "mode", "content", "id", "rep", "timeout")

pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason="the recorded migrations lie beside the repository")


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (LOGS / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["a03_seq100_r40_cap60", "b04_hot200_r60_line400", "c06_postcopy1_seq100_r80_cap60"])
def test_knows_nothing_of_the_workload_nor_of_what_comes_later(name: str) -> None:
    """Everything a forecast must not see is scrambled; what it is handed, and so what it says, stays the same."""
    honest, scrambled = lines(name), lines(name)
    chance = random.Random(3)
    for field in FORBIDDEN:
        scrambled[0][field] = chance.randint(1, 10**6)
    scrambled[0]["ctl"] = {"budget_ms": 1, "L": 2, "B": 3}
    known = case(honest).after
    cut = (known.now_s if known is not None and known.now_s is not None else 0.0) + honest[1]["t"]
    for line in scrambled[1:]:
        if line["k"] == "s" and line["t"] > cut and "memory_remaining" in line:
            line["memory_remaining"] = line["memory_processed"] = chance.randint(1, 10**9)
    scrambled[-1].update(api_s=99, guest_rates=[], cpu_idle_pct=1, t0=0, t1=1, max_gap_ms=5)
    one, two = case(honest), case(scrambled)
    assert one.before == two.before
    assert one.after == two.after
    assert forecast_before(one.before) == forecast_before(two.before)


def test_takes_the_log_by_any_name(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text((LOGS / "a02_seq100_r20_cap60.jsonl").read_text())
    assert read(tmp_path / "x.jsonl") == read(LOGS / "a02_seq100_r20_cap60.jsonl")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]\n[]\n",
        '{"k": "cond"}\n',
        '{"k": "cond"}\n{"k": "result"}\n',
        '{"k": "s", "t": 1}\n{"k": "result"}\n',
    ],
)
def test_skips_a_broken_log(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(BadLogError):
        read(path)


def test_skips_a_log_that_was_cut_short(tmp_path: Path) -> None:
    whole = (LOGS / "a02_seq100_r20_cap60.jsonl").read_text().splitlines()
    (tmp_path / "short.jsonl").write_text("\n".join(whole[:20]))
    (tmp_path / "good.jsonl").write_text("\n".join(whole))
    cases, bad = load(tmp_path)
    assert list(cases) == ["good"]
    assert bad == 1


def test_forecasts_runs_with_flags_it_has_not_seen(tmp_path: Path) -> None:
    known = lines("a02_seq100_r20_cap60")
    known[0]["flags"] = ["ZEROCOPY", "PARALLEL", "COMPRESSED"]
    known[0]["params"] = {"compression": "zstd", "parallel.connections": 4}
    known[0]["pre"] = {"qmp_dirty": {"1": 20.5, "4": {"rate": 20}}, "rss_kib": 327380}
    found = case(known)
    assert [sample.pages for sample in found.before.guest.dirty] == [8192, 8192]
    assert forecast_before(found.before).probability > 0.5


def test_knows_fine_measurements_by_their_answer_their_name_or_an_odd_rate() -> None:
    known = lines("a02_seq100_r20_cap60")
    answers = [{"calc-time": 1, "dirty-rate": 19, "sample-pages": 4096, "status": "measured"}]
    known[0]["pre"] = {"dirty_calc": {"1": 18, "4": 20}, "odd_calc": {"1": 19, "4": 20}, "answers": answers}
    found = case(known).before.guest
    assert [sample.pages for sample in found.dirty] == [None, None, 8192, 8192, 2048]
    assert found.dirty[-1].rate == 19 * 2**20


def test_judges_no_run_whose_limits_somebody_changed() -> None:
    steered = read(LOGS / "k01_ctl500_seq100_r80_cap60.jsonl")
    assert steered.truth.steered_s is not None
    assert judge({"k01": steered}, forecast_before, running=False) == []
    assert judge({"k01": steered}, forecast_after, running=True) == []


def test_does_better_than_the_classic_model_and_says_the_truth_nine_times_in_ten() -> None:
    cases, _bad = load(LOGS)
    chosen = {name: each for name, each in cases.items() if name[0] in "ab"}
    found: Any = summary(chosen, table=False)
    assert list(found) == ["before", "after_pass2", "verdict_right", "in_range", "geometric", "n"]
    assert list(found["before"]) == ["time_median", "time_p90", "pause_ms_median"]
    assert found["after_pass2"]["time_median"] < 0.03
    assert found["before"]["time_median"] < 0.25 * found["geometric"]["before"]["time_median"]
    assert found["verdict_right"] >= 0.9
    assert found["in_range"] >= 0.85


def test_prints_a_line_of_json_last(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text((LOGS / "a12_idle_cap100.jsonl").read_text())
    (tmp_path / "two.jsonl").write_text("not a log")
    command = [sys.executable, "-m", "tests.bench.forecast", "--logs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["n"] == 1
    assert "two.jsonl" in done.stderr
