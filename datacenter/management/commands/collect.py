"""`manage.py collect`: listen to hosts and keep the inventory true. Any number may run: they share the hosts."""

import logging
import os
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from hosts import feed
from hosts.telemetry.collector import Collector
from hosts.telemetry.listener import Pace


class Command(BaseCommand):
    help = "Listen to hosts: events at once, figures on a beat. Ends at SIGTERM and gives its hosts back."
    requires_system_checks = []  # it serves no page

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--beat", type=float, default=_env("GODWIT_BEAT_S", 10.0), help="seconds between figures")
        parser.add_argument(
            "--non-responsive",
            type=float,
            default=_env("GODWIT_NON_RESPONSIVE_S", 30.0),
            help="seconds without an answer until a host is called non-responsive",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        collector = Collector(Pace(beat_s=options["beat"], non_responsive_s=options["non_responsive"]))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: collector.stop())
        collector.run()
        feed.OUT.close()
        logging.shutdown()
        # threads may hang in calls to frozen hosts, and libvirt's C code dislikes an interpreter that ends under it
        os._exit(0)


def _env(name: str, default: float) -> float:
    return float(os.environ.get(name, default))
