"""`manage.py guard`: ends doubled copies and handovers that stand still. Any number may run: one is on duty."""

import logging
import os
import signal
from typing import Any

from django.core.management.base import BaseCommand

from hosts import feed
from hosts.livemigration.guardian.process import Guardian


class Command(BaseCommand):
    help = "Guard every open migration: one copy runs, none stands still. Ends at SIGTERM and gives its duty back."
    requires_system_checks = []  # it serves no page

    def handle(self, *args: Any, **options: Any) -> None:
        guardian = Guardian()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: guardian.stop())
        guardian.run()
        feed.OUT.close()
        logging.shutdown()
        # threads may hang in calls to frozen hosts, and libvirt's C code dislikes an interpreter that ends under it
        os._exit(0)
