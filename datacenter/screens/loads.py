"""Figures of the last hour as columns, which is what uPlot draws."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

LAST_HOUR = timedelta(hours=1)


def columns_of(loads: QuerySet[Any], *figures: str) -> dict[str, list[Any]]:
    """``{"at": [seconds since the epoch], figure: [number or null]}``."""
    read = list(loads.values_list("at", *figures))
    columns: dict[str, list[Any]] = {name: [row[i + 1] for row in read] for i, name in enumerate(figures)}
    return {"at": [row[0].timestamp() for row in read], **columns}
