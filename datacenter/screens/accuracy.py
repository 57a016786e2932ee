"""How good the forecasts were: over all migrations that ended well, by method."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datacenter import rows
from hosts.livemigration import pairs
from hosts.livemigration.beforehand import NAMES
from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.foretold import Compared, compared
from hosts.livemigration.pairs import Pair
from hosts.models import Host, Migration
from hosts.states import MigrationState

#: the newest so many are counted
_MOST = 2000
_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Relative errors of one figure, without their sign; None where nothing can be said."""

    median: float | None
    p90: float | None
    inside: float | None  # share of truths within the stated range


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method's row. Errors are percent; the pause's error is ms."""

    name: str
    count: int
    time: Errors
    pause_ms: float | None  # median of the absolute error
    pause_inside: float | None
    sent: Errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What migrations between two hosts taught; figures for the page."""

    source: Host
    destination: Host
    pair: Pair

    @property
    def speed(self) -> float | None:
        """bytes/s without a cap; None: none of them went without."""
        return self._taught(self.pair.constants.free_speed, Constants().free_speed)

    @property
    def stop_speed(self) -> float | None:
        """bytes/s while the guest stands; None: too little was ever left for it to tell."""
        return self._taught(self.pair.constants.stop_speed, Constants().stop_speed)

    @property
    def setup_s(self) -> float:
        return self.pair.constants.setup_s

    @property
    def switch_ms(self) -> float:
        return 1000 * self.pair.constants.device_s

    @staticmethod
    def _taught(known: float, of_the_lab: float) -> float | None:
        return None if known == of_the_lab else known


@require_safe
def accuracy(request: HttpRequest) -> HttpResponse:
    """By method, and the last migrations with what was said and what came; what pairs of hosts taught. Four queries."""
    done = rows.migrations().filter(state=MigrationState.DONE, ours=True).exclude(expected=None)
    found = list(done.order_by("-requested_at")[:_MOST])
    by_method: dict[str, list[Migration]] = defaultdict(list)
    for row in found:
        by_method[_method(row)].append(row)
    methods = [summary(name, many) for name, many in sorted(by_method.items(), key=lambda item: -len(item[1]))]
    if len(methods) > 1:
        methods.append(summary("All", found))
    known = [Known(source=source, destination=there, pair=pair) for source, there, pair in pairs.everywhere()[:_SHOWN]]
    shown = {"methods": methods, "migrations": found[:_SHOWN], "pairs": known}
    return render(request, "migrations/accuracy.html", shown)


def _method(row: Migration) -> str:
    """How it really went: foretold as plain copying, it may have ended by post-copy."""
    if row.used_postcopy:
        return NAMES["postcopy"]
    said = row.expected.get("method") if isinstance(row.expected, dict) else None
    return NAMES["throttle"] if row.auto_converge and said == "throttle" else NAMES["precopy"]


def summary(name: str, many: Sequence[Migration]) -> Method:
    """One method's errors."""
    figures: dict[str, list[Compared]] = defaultdict(list)
    for row in many:
        for each in compared(row):
            figures[each.name].append(each)
    pauses = [
        abs(it.expected - it.fact) for it in figures["pause_ms"] if it.expected is not None and it.fact is not None
    ]
    return Method(
        name=name,
        count=len(many),
        time=_errors(figures["seconds"]),
        pause_ms=median(pauses) if pauses else None,
        pause_inside=_inside(figures["pause_ms"]),
        sent=_errors(figures["bytes"]),
    )


def _errors(many: Sequence[Compared]) -> Errors:
    off = sorted(100 * abs(each.error) for each in many if each.error is not None)
    if not off:
        return Errors(median=None, p90=None, inside=None)
    return Errors(median=median(off), p90=off[min(len(off) - 1, int(0.9 * len(off)))], inside=_inside(many))


def _inside(many: Sequence[Compared]) -> float | None:
    known = [each.inside for each in many if each.inside is not None]
    return 100 * sum(known) / len(known) if known else None
