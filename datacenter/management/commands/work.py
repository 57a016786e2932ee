"""``manage.py work``: drives migrations and life-cycle operations until told to stop. Any number may run."""

import asyncio
import logging
import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from datacenter.maintenance.runner import keep as keep_plans
from datacenter.maintenance.sending import keep as keep_reports
from datacenter.maintenance.triggers import keep as keep_windows
from hosts import feed
from hosts.lifecycle.tasks import abandon_unfinished
from hosts.livemigration.admission import keep as keep_queue
from hosts.livemigration.tasks import rescue, runner
from hosts.threads import blocking

log = logging.getLogger(__name__)

CONCURRENCY = 250  # jobs; a migration waits in one for nearly all of its time
STOP_S = 3.0
HEARTBEAT_S = 3.0
DEAD_S = 12.0  # a worker without a heartbeat for so long is taken for dead


class Command(BaseCommand):
    help = "Drive migrations and life-cycle operations until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help="jobs at once (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        asked_to_stop = asyncio.run(work(options["concurrency"]))
        feed.OUT.close()
        logging.shutdown()
        # a thread that waits in libvirt for a migration cannot be ended, and Python would wait for it: the daemons
        # hold the migration, and the next worker adopts it
        os._exit(0 if asked_to_stop else 1)


async def work(concurrency: int) -> bool:
    """Run until SIGTERM or SIGINT; then leave the migrations to the next worker within five seconds.

    False: it ended by itself, as it does where the database is gone; whoever started it starts it again.
    """
    worker_app = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with worker_app.open_async():
        worker = asyncio.create_task(
            worker_app.run_worker_async(
                concurrency=concurrency,
                install_signal_handlers=False,
                shutdown_graceful_timeout=STOP_S,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=DEAD_S,
                delete_jobs="successful",
                fetch_job_polling_interval=2.0,
            )
        )
        rounds = (rescue(worker_app), runner().read_orders(), runner().keep_up(), tidy(worker_app), keep_queue())
        helpers = [asyncio.create_task(each) for each in (*rounds, keep_plans(), keep_windows(), keep_reports())]
        _stop_on_signal(worker)
        log.info("The worker has started.", extra={"action": "worker_started", "concurrency": concurrency})
        await asyncio.gather(worker, return_exceptions=True)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
    log.info("The worker has ended; what it drove goes on.", extra={"action": "worker_ended"})
    return runner().stopping


def _stop_on_signal(worker: "asyncio.Task[None]") -> None:
    def stop() -> None:
        runner().stop()
        worker.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def tidy(worker_app: App) -> None:
    """Jobs of dead workers end, so that they hold no VM's lock; until cancelled."""
    while True:
        try:
            for job in await worker_app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_S):
                log.warning(
                    "The job %s lost its worker.", job.id, extra={"action": "job_stalled", "task": job.task_name}
                )
                await worker_app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            await blocking(abandon_unfinished)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the next round tries again
            log.warning("Stalled jobs could not be looked for: %s", exc, extra={"action": "tidy_failed"})
        await asyncio.sleep(HEARTBEAT_S)
