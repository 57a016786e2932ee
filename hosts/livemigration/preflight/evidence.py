"""What earlier migrations proved of pairs of hosts: one reaches the other, folders are shared, TLS works."""

import re
from collections import defaultdict
from datetime import datetime
from posixpath import dirname
from statistics import median
from typing import Any

from hosts.livemigration.preflight.records import Proof
from hosts.models import VM, Doubt, Host, Migration, Operation
from hosts.states import OPEN_MIGRATION, MigrationState, OperationState

#: as many of a source's last migrations are looked at
_LAST = 200
#: and for the speed of a pair so many of its own
_RECENT = 5
#: of a migration's time, what is spent before memory moves and after the guest runs there, in seconds
_AROUND_S = 2.0
#: and shorter copying than this tells too little of the speed
_LEAST_S = 5.0
_FIELDS = (
    "destination_id", "state", "because", "state_since", "vm__disks", "copy_disks", "tls", "bandwidth",
    "started_at", "ended_at", "transferred_bytes",
)  # fmt: skip
#: what libvirt says where the one daemon did not reach the other (migration.md, section 2)
_UNREACHED = re.compile(
    r"Connection refused|No route to host|resolve address|unable to connect|timed out", re.IGNORECASE
)
_STARTED = [
    str(each)
    for each in (MigrationState.DONE, MigrationState.POSTCOPY, MigrationState.COPYING, MigrationState.SWITCHING)
]
_ENDED = [str(MigrationState.DONE), str(MigrationState.FAILED)]


def proofs(source: Host) -> dict[int, Proof]:
    """By destination. One query, whatever the number of hosts."""
    rows = Migration.objects.filter(source=source, state__in={*_STARTED, *_ENDED}, destination__isnull=False)
    found: dict[int, _Seen] = defaultdict(_Seen)
    for row in rows.order_by("-requested_at").values(*_FIELDS)[:_LAST]:
        found[row["destination_id"]].take(row)
    return {pk: seen.proof() for pk, seen in found.items()}


def busy(vm: VM) -> str:
    """What else is under way with the VM, as a sentence; "" where nothing is. Three queries."""
    if doubt := Doubt.about(vm):
        return doubt.forbids
    if (
        running := Migration.objects.filter(vm=vm, state__in=OPEN_MIGRATION)
        .select_related("source", "destination")
        .first()
    ):
        return f"{vm} is being migrated already, from {running.source} to {running.destination or 'a host'}."
    under_way = Operation.objects.filter(vm=vm, state__in=(OperationState.QUEUED, OperationState.RUNNING))
    if under_way.exclude(verb=Operation.MEASURE).exists():
        return f"Another action on {vm} is under way; wait until it has ended."
    return ""


class _Seen:
    """One pair's migrations, newest first: what a newer one showed is not overruled by an older one."""

    def __init__(self) -> None:
        self.reached_at: datetime | None = None
        self.failure = ""
        self.tls_at: datetime | None = None
        self.shared: set[str] = set()
        self.speeds: list[float] = []

    def take(self, row: dict[str, Any]) -> None:
        if row["state"] not in _STARTED:
            if self.reached_at is None and not self.failure and _UNREACHED.search(row["because"]):
                self.failure = row["because"]
            return
        if self.reached_at is None:
            self.reached_at = row["state_since"]
        if row["tls"] and self.tls_at is None:
            self.tls_at = row["state_since"]
        if row["state"] == MigrationState.DONE:
            self._take_done(row)

    def _take_done(self, row: dict[str, Any]) -> None:
        disks = row["vm__disks"]
        if not row["copy_disks"] and isinstance(disks, list):
            sources = (disk.get("source") for disk in disks if isinstance(disk, dict))
            self.shared.update(dirname(where) for where in sources if isinstance(where, str) and where)
        started, ended, moved = row["started_at"], row["ended_at"], row["transferred_bytes"]
        if row["bandwidth"] is None and started and ended and moved:
            seconds = (ended - started).total_seconds() - _AROUND_S
            if seconds >= _LEAST_S:
                self.speeds.append(moved / seconds)

    def proof(self) -> Proof:
        recent = self.speeds[:_RECENT]
        return Proof(
            reached_at=self.reached_at,
            failure=self.failure,
            shared=frozenset(self.shared),
            tls_at=self.tls_at,
            speed=median(recent) if recent else None,
        )
