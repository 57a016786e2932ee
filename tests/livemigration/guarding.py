"""A guardian to step by hand beside a supervisor."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hosts.livemigration.guardian.notes import FIELD
from hosts.livemigration.guardian.process import Guardian
from hosts.livemigration.supervisor import Supervisor
from hosts.models import Migration, Transition


@contextmanager
def guarding() -> Iterator[Guardian]:
    guardian = Guardian()
    try:
        yield guardian
    finally:
        guardian.close()


def together(
    guardian: Guardian,
    supervisor: Supervisor | None,
    until: Callable[[], bool] = lambda: False,
    *,
    seconds: float = 30.0,
) -> None:
    """Step both until the migration has ended (or ``until``); fails after ``seconds``."""
    deadline, due = time.monotonic() + seconds, 0.0
    while not until():
        guardian.step()
        if supervisor is not None and time.monotonic() >= due:
            delay = supervisor.step()
            if delay is None:
                return
            due = time.monotonic() + min(delay, 0.1)
        said = [(watch.truth, watch.decision) for watch in guardian.watches.values()]
        assert time.monotonic() < deadline, f"still {supervisor.row.state if supervisor else ''}: {said}"
        time.sleep(0.02)


def acts(migration: Migration) -> list[str]:
    """What the guardian did for it, in order."""
    rows = Transition.objects.filter(noun="migration", row=migration.pk, field=FIELD)
    return list(rows.order_by("at", "pk").values_list("new", flat=True))
