"""`manage.py up` in Django's list of commands. manage.py itself runs it without loading Django."""

import sys

from django.core.management.base import BaseCommand

from datacenter.management import up


class Command(BaseCommand):
    help = "Run all of Godwit on this machine: PostgreSQL, web, collector, worker and, with --demo, the lab."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(up.main(argv[2:]))
