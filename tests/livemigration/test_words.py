"""A migration in words: it …"""

from dataclasses import dataclass, replace
from datetime import timedelta

from hosts.livemigration.words import describe
from tests.livemigration.test_prediction import MIB, run


@dataclass(frozen=True)
class Row:
    state: str = "copying"
    because: str = ""
    bandwidth: int | None = None
    max_downtime_ms: int | None = None
    postcopy_allowed: bool = True
    pause_ms: float | None = None
    dirty_rate_before: float | None = None
    dirty_rate_long_before: float | None = None
    pair: object = None
    auto_converge: bool = False
    xbzrle: bool = False


def test_it_says_that_nothing_has_moved_yet() -> None:
    assert describe(Row()) == "Copying. No memory has moved yet."


def test_it_names_the_pass_and_its_end_in_the_first_one() -> None:
    assert describe(Row(), run(10, 60)[:10]) == "Copying, pass 1. This pass ends in about 4 s."


def test_it_gives_passes_a_range_and_the_pause() -> None:
    history = [each for each in run(40, 60, size=600) if each.iteration <= 2]
    words = describe(Row(), history[:-3])
    assert words.startswith("Copying, pass 2 of about ")
    assert "Done in " in words
    assert "guest pauses about " in words


def test_it_says_what_would_help_where_it_does_not_converge() -> None:
    words = describe(Row(dirty_rate_before=46.0 * MIB), run(46, 40, seconds=40))
    assert words.startswith("Not converging: dirties 46 MiB/s against 40 MiB/s. Raise the bandwidth to ")
    assert words.endswith(", or switch to post-copy.")
    assert "post-copy" not in describe(Row(postcopy_allowed=False), run(46, 40, seconds=40))


def test_it_says_that_nothing_moves() -> None:
    still = [replace(each, throughput=0.0, processed_bytes=5 * MIB) for each in run(10, 60)[:20]]
    assert describe(Row(), still) == "Copying. Nothing moves at the moment."


def test_it_suspects_the_link_after_five_seconds() -> None:
    still = [replace(each, processed_bytes=5 * MIB) for each in run(10, 60, seconds=30)[:1] * 2]
    still[1] = replace(still[1], at=still[0].at + timedelta(seconds=5.5))
    words = "Nothing has moved for 6 s: the link between the hosts is suspected."
    assert describe(Row(), still) == f"Copying. {words}"
    assert describe(Row(state="postcopy"), still) == f"Post-copy. {words}"


def test_it_says_there_is_no_way_back_from_post_copy() -> None:
    assert "no way back" in describe(Row(state="postcopy"))
    assert describe(Row(state="postcopy"), run(10, 60)[:2]).startswith("Post-copy. The guest runs on the destination; ")


def test_it_gives_the_pause_that_was_measured_at_the_end() -> None:
    assert describe(Row(state="done", pause_ms=158.0)) == "Done. The guest paused 0.2 s."
    assert describe(Row(state="done", pause_ms=31.4)) == "Done. The guest paused 31 ms."
    assert describe(Row(state="done")) == "Done."


def test_it_gives_the_reason_of_every_other_state() -> None:
    assert describe(Row(state="failed", because="h2 cannot take it.")) == "Failed. h2 cannot take it."
