"""What a migration will take, before its start: the forecast of each way of moving, the way chosen, and why. Pure.

Used by the dialog (from what is stored) and by the worker (from what it has just measured): the same words in both.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hosts.livemigration import words
from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.engine import forecast_before
from hosts.livemigration.forecast.records import Guest, Orders, Prospect, Range, Verdict, samples

DEFAULT_PAUSE_MS = 300
#: the pass after which post-copy is worth its risk: the first has sent all that lies still
_POSTCOPY_AT = 2
#: QEMU's own first throttle and step, in percent
_THROTTLE = (20, 10)
_LONGEST_PAUSE_MS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is known and what is wished, as plain numbers: bytes, bytes/s, ms. ``speed``: of this pair's last moves;
    ``constants``: all that they taught (livemigration/pairs.py). ``dirty_rate``: over a second, ``…_long``: over four.

    ``adaptive``: the policy counts the pause, not QEMU's limit: a cap is lifted while the guest stands, so the limit
    may be the larger by speed / bandwidth (200 MiB/s over 40: 1.5 s for a pause of 300 ms).
    """

    memory_bytes: int
    rss_bytes: int | None = None
    dirty_rate: float | None = None
    dirty_rate_long: float | None = None
    bandwidth: int | None = None
    max_downtime_ms: int | None = None
    postcopy: bool = False
    auto_converge: bool = False
    xbzrle: bool = False
    parallel: int = 0
    speed: float | None = None
    constants: Constants | None = None
    adaptive: bool = False

    @property
    def known(self) -> Constants:
        """What the two hosts showed; of hosts that only their speed is known of, the lab's with that."""
        if self.constants is not None:
            return self.constants
        return Constants() if self.speed is None else Constants(free_speed=self.speed)

    @property
    def limit_ms(self) -> int:
        allowed = self.max_downtime_ms or DEFAULT_PAUSE_MS
        if not (self.adaptive and self.speed and self.bandwidth):
            return allowed
        return min(_LONGEST_PAUSE_MS, int(allowed * max(1.0, self.speed / self.bandwidth)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The way that is likely gone, what it takes, and the sentence for a person."""

    method: str  # "precopy", "throttle", "postcopy", "stuck"
    prospect: Prospect
    sentence: str
    why: str

    @property
    def seconds(self) -> str:
        found = None if self.method == "stuck" else self.prospect.seconds
        return words.within((found.low, found.high)) if found else "does not end by itself"

    @property
    def pause(self) -> str:
        found = None if self.method == "stuck" else self.prospect.pause_ms
        return words.pause(found.median / 1000) if found else "–"


#: method -> how it is called in a sentence
NAMES = {
    "precopy": "Plain copying",
    "throttle": "Copying, the guest slowed down",
    "postcopy": "Post-copy",
    "stuck": "Plain copying",
}


def outlook(terms: Terms) -> Outlook | None:
    """None where the guest's dirty rate was not measured yet: without it nothing is known of the end."""
    if terms.dirty_rate is None or terms.memory_bytes <= 0:
        return None
    plain = prospect(terms, "precopy")
    if plain.verdict is not Verdict.NO:
        return Outlook(method="precopy", prospect=plain, sentence=_sentence(plain), why=_why(plain))
    rates = f"It dirties {words.speed(plain.dirty_rate)} against {words.speed(plain.speed)}"
    if terms.postcopy:
        found = prospect(terms, "postcopy")
        sentence = f"{rates}: plain copying will not converge. By post-copy: {_takes(found)}."
        return Outlook(method="postcopy", prospect=found, sentence=sentence, why=_least(plain))
    if terms.auto_converge:
        found = prospect(terms, "throttle")
        if found.verdict is not Verdict.NO:
            sentence = f"{rates}: it converges only when the guest is slowed down: {_takes(found)}."
            return Outlook(method="throttle", prospect=found, sentence=sentence, why=_least(plain))
    ways = [] if terms.auto_converge else ["throttle"]
    ways += ["allow post-copy", _allow(plain)]
    sentence = f"{rates}: will not converge: {', '.join(ways[:-1])}, or {ways[-1]}."
    return Outlook(method="stuck", prospect=plain, sentence=sentence, why=_least(plain))


@lru_cache(maxsize=512)
def prospect(terms: Terms, method: str) -> Prospect:
    """The forecast of one way: "precopy", "throttle", "postcopy". Some 45 ms; the same question is asked once."""
    dirty = samples(terms.dirty_rate, terms.dirty_rate_long)
    guest = Guest(memory_bytes=terms.memory_bytes, rss_bytes=terms.rss_bytes, dirty=dirty)
    orders = Orders(
        cap=None if terms.bandwidth is None else float(terms.bandwidth),
        max_downtime_ms=terms.limit_ms,
        xbzrle=terms.xbzrle,
        connections=max(1, terms.parallel),
        auto_converge=_THROTTLE if method == "throttle" else None,
        postcopy_at=_POSTCOPY_AT if method == "postcopy" else None,
    )
    return forecast_before(guest, orders, terms.known)


def _sentence(plain: Prospect) -> str:
    rates = f"It dirties {words.speed(plain.dirty_rate)} against {words.speed(plain.speed)}"
    if plain.verdict is Verdict.YES:
        return f"{rates}: converges in {_takes(plain)}."
    return f"{rates}: it may converge ({plain.probability:.0%}), then in {_takes(plain)}."


def _takes(found: Prospect) -> str:
    """ "9–12 s, pauses about 0.2 s (0.1 to 0.3 s)"."""
    if found.seconds is None or found.pause_ms is None:
        return "no end in sight"
    time = words.within((found.seconds.low, found.seconds.high))
    low, high = words.pause(found.pause_ms.low / 1000), words.pause(found.pause_ms.high / 1000)
    about = words.pause(found.pause_ms.median / 1000)
    return f"{time}, pauses about {about}" + (f" ({low} to {high})" if low != high else "")


def _why(plain: Prospect) -> str:
    if plain.verdict is Verdict.YES:
        return "Plain copying: it converges by itself, so nothing else is needed."
    return "Plain copying: the gentlest way; whether it converges will show at its second pass."


def _least(plain: Prospect) -> str:
    return f"Plain copying never leaves less than {words.size(plain.floor_bytes)}, a pause of {_pause(plain)}."


def _pause(plain: Prospect) -> str:
    return words.pause(min(plain.least_pause_ms, _LONGEST_PAUSE_MS) / 1000)


def _allow(plain: Prospect) -> str:
    return f"allow {_pause(plain)}"


def kept(found: Outlook) -> dict[str, Any]:
    """What a migration keeps of it, as JSON, to be held against what came."""
    it = found.prospect
    return {
        "method": found.method,
        "sentence": found.sentence,
        "verdict": it.verdict.value,
        "probability": round(it.probability, 3),
        "seconds": _as_list(it.seconds),
        "bytes": _as_list(it.bytes),
        "pause_ms": _as_list(it.pause_ms),
        "dirty_rate": it.dirty_rate,
        "speed": it.speed,
    }


def _as_list(found: Range | None) -> list[float] | None:
    return None if found is None else [round(found.low, 3), round(found.median, 3), round(found.high, 3)]
