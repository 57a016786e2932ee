"""The fault table against real libvirt and QEMU, with Godwit's own worker, guardian and collector as processes.

    python -m tests.bench.faults [--only F01,H05] [--repeat 3] [--quick]

Brings up a lab and a database of its own and removes both. The last line is JSON: ``scenarios``, ``runs``, ``lost``,
``doubled``, ``wrong``, and ``truth_s`` (``p50``, ``max``): seconds from the fault until the migration's row says what
is true. The exit code is 1 where ``lost``, ``doubled`` or ``wrong`` is not 0.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:  # they need Django to be set up
    from tests.bench.fault_trial import Fault
    from tests.bench.fault_verdict import Result


@contextmanager
def own_database() -> Iterator[None]:
    """A database of this run: on the server of DATABASE_URL, or on the private one for tests. Removed at the end."""
    from datacenter.database import var_folder
    from datacenter.management.lent_postgres import borrow

    hold = None
    if "DATABASE_URL" not in os.environ:
        url, hold = borrow(var_folder())
        os.environ["DATABASE_URL"] = f"{url}_faults_{os.getpid()}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datacenter.settings")
    django.setup()
    from django.db import connection

    from hosts import feed

    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        feed.OUT.close()
        connection.creation.destroy_test_db(before, verbosity=0)
        if hold is not None:
            hold.close()


def chosen(only: str, *, quick: bool) -> list[Fault]:
    from tests.bench.fault_table import TABLE

    names = {name.strip() for name in only.split(",") if name.strip()}
    unknown = names - {fault.name for fault in TABLE}
    if unknown:
        raise SystemExit(f"No such fault: {', '.join(sorted(unknown))}")
    return [fault for fault in TABLE if (not names or fault.name in names) and (fault.quick or not quick)]


def told(results: list[Result]) -> str:
    """The last line."""
    truths = [each.truth_s for each in results if each.truth_s is not None]
    return json.dumps(
        {
            "scenarios": len({each.name for each in results}),
            "runs": len(results),
            "lost": sum(each.lost for each in results),
            "doubled": sum(each.doubled for each in results),
            "wrong": sum(bool(each.wrong) for each in results),
            "truth_s": {
                "p50": round(statistics.median(truths), 2) if truths else None,
                "max": round(max(truths), 2) if truths else None,
            },
        }
    )


def report(fault: Fault, result: Result) -> None:
    truth = "      " if result.truth_s is None else f"{result.truth_s:5.1f}s"
    mark = "right" if result.right else "WRONG"
    line = f"{fault.name:5} {mark}  truth {truth}  gap {result.gap_s}s  {result.seconds:5.1f}s  {result.state}"
    say(f"{line:62}  {fault.what} {fault.when}")
    for wrong in result.wrong:
        say(f"      {wrong}")


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="names of rows, with commas")
    options.add_argument("--repeat", type=int, default=1, help="each so many times")
    options.add_argument("--quick", action="store_true", help="those that `make test` runs")
    given = options.parse_args()
    with own_database():
        from deploy.lab.sharing import own_lab
        from tests.bench.fault_stage import staged
        from tests.bench.fault_verdict import run

        results = []
        logs = Path(tempfile.mkdtemp(prefix="godwit-faults-"))
        say(f"logs of the processes: {logs}")
        with own_lab() as lab, staged(lab, logs) as stage:
            for fault in chosen(given.only, quick=given.quick) * given.repeat:
                results.append(run(stage, fault))
                report(fault, results[-1])
    say(told(results))
    return 0 if all(each.right for each in results) else 1


if __name__ == "__main__":
    sys.exit(main())
