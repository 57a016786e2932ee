"""Prometheus' text format 0.0.4: families of figures with labels."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric. ``kind``: gauge or counter. A sample whose value is None is not known, and left out."""

    name: str
    help: str
    kind: str = "gauge"
    samples: tuple[Sample, ...] = ()


def gauge(name: str, words: str, samples: Iterable[Sample] | float | int | None) -> Family:
    """``samples``: labels and value each; or one value without labels."""
    return Family(name=name, help=words, samples=_samples(samples))


def counter(name: str, words: str, samples: Iterable[Sample] | float | int | None) -> Family:
    """As ``gauge``, of what only grows (until rows are cleared away)."""
    return Family(name=name, help=words, kind="counter", samples=_samples(samples))


def render(families: Iterable[Family]) -> str:
    """The whole page, families in their order; one without samples still says that it exists."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [
            f"{family.name}{_labels(labels)} {_number(value)}" for labels, value in family.samples if value is not None
        ]
    return "\n".join(lines) + "\n"


def _samples(given: Iterable[Sample] | float | int | None) -> tuple[Sample, ...]:
    if given is None:
        return ()
    return (({}, given),) if isinstance(given, int | float) else tuple(given)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    said = ",".join(f'{name}="{_escaped(value).replace(chr(34), chr(92) + chr(34))}"' for name, value in labels.items())
    return f"{{{said}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float | int) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return repr(value)
