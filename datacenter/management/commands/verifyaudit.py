"""`manage.py verifyaudit`: whether the record of events is what was written; exits with 1 if not."""

import sys
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hosts.chain import heads
from hosts.chain.checking import Walk

#: findings that are written out; a chain that was written anew would fill the terminal
MOST = 100


class Command(BaseCommand):
    help = "Verify the chain of events. Exit code 1: something was changed, removed or inserted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="start", type=int, default=1, metavar="N", help="begin at entry N")

    def handle(self, *args: Any, **options: Any) -> None:
        walk = Walk(start=max(1, options["start"]))
        found = walk.findings()
        said = list(islice(found, MOST))
        more = sum(1 for _ in found)
        for finding in said:
            self.stdout.write(finding.words)
        if more:
            self.stdout.write(f"And {more} more like these.")
        self.stdout.write(self._summary(walk))
        if said:
            sys.exit(1)

    def _summary(self, walk: Walk) -> str:
        kept = list(heads.kept())
        beside = (
            f"the last of {len(kept)} heads kept in {heads.path()} is {kept[-1].number}" if kept else "no head is kept"
        )
        waits = f"; {walk.unsealed} wait for their seal" if walk.unsealed else ""
        return f"{walk.entries} entries up to number {walk.last}{waits}; {beside}."
