"""Figures as text, for frames; the same texts as a page's first paint (units.figure)."""

from collections.abc import Mapping
from typing import Any

from datacenter.units import figure

#: noun -> the fields of its row that tick; what a migration's supervisor measures is not kept in its row
FIGURES: dict[str, tuple[str, ...]] = {
    "vm": (
        "cpu_percent",
        "memory_used_bytes",
        "rss_bytes",
        "net_rx_rate",
        "net_tx_rate",
        "disk_read_rate",
        "disk_write_rate",
    ),
    "host": ("cpu_percent", "memory_free_bytes", "net_rx_rate", "net_tx_rate"),
    "migration": (),
}


def texts(values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """``{"cpu_percent": 12.34}`` -> ``{"cpu_percent": ["12 %", 12.34]}``: for each figure its text and itself.

    What is neither number, text nor unknown (None) is left out.
    """
    return {
        name: [figure(name, value), value]
        for name, value in values.items()
        if value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
    }
