"""The job that drives a migration, and the rescue of those whose worker is gone."""

import asyncio
import logging
from functools import cache

from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from hosts.livemigration import measure as measurements
from hosts.livemigration.admission import DRIVE
from hosts.livemigration.measure import MEASURE
from hosts.livemigration.runner import Runner, orphans
from hosts.threads import blocking

log = logging.getLogger(__name__)

RESCUE_EVERY_S = 2.0


@cache
def runner() -> Runner:
    """The one of this process."""
    return Runner()


@app.task(name=DRIVE)
async def drive(migration_id: int) -> None:
    """Drive one migration to its end. Whoever is second does nothing: the lease decides, not the job."""
    await runner().drive(migration_id)


@app.task(name=MEASURE)
async def measure(operation_id: int) -> None:
    """Measure one VM's dirty rate; a second call for the same operation does nothing."""
    await blocking(measurements.perform, operation_id)


async def rescue(worker_app: App) -> None:
    """Every two seconds, and at once: a new job for each open migration that nobody drives; until cancelled.

    Without the VM's lock: the job of the dead worker holds it. ``queueing_lock`` keeps it to one waiting job each.
    """
    while True:
        try:
            for pk in await blocking(orphans):
                await _defer(worker_app, pk)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the next round tries again
            log.warning("Open migrations could not be looked for: %s", exc, extra={"action": "rescue_failed"})
        await asyncio.sleep(RESCUE_EVERY_S)


async def _defer(worker_app: App, pk: int) -> None:
    try:
        await worker_app.configure_task(DRIVE, queueing_lock=f"migration:{pk}").defer_async(migration_id=pk)
    except AlreadyEnqueued:
        return
    log.info("Nobody drives the migration %s; asked for a worker.", pk, extra={"action": "migration_rescued"})
