"""What earlier migrations proved of pairs of hosts: one reaches the other, folders are shared, TLS works."""

import re
from collections import defaultdict
from datetime import datetime
from posixpath import dirname
from typing import Any

from hosts.livemigration.preflight.records import Proof
from hosts.models import Host, Migration
from hosts.states import MigrationState

#: as many of a source's last migrations are looked at
_LAST = 200
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
    named = rows.order_by("-requested_at").values_list(
        "destination_id", "state", "because", "state_since", "vm__disks", "copy_disks", "tls"
    )
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"shared": set()})
    for destination, state, because, at, disks, copied, tls in named[:_LAST]:
        _note(found[destination], state, because, at, disks, copied=copied, tls=tls)
    return {
        pk: Proof(
            reached_at=each.get("reached_at"),
            failure=each.get("failure", ""),
            shared=frozenset(each["shared"]),
            tls_at=each.get("tls_at"),
        )
        for pk, each in found.items()
    }


def _note(each: dict[str, Any], state: str, because: str, at: datetime, disks: Any, *, copied: bool, tls: bool) -> None:
    """Newest first: what a newer one showed is not overruled by an older one."""
    if state in _STARTED:
        each.setdefault("failure", "")
        each.setdefault("reached_at", at)
        if tls:
            each.setdefault("tls_at", at)
        if state == MigrationState.DONE and not copied and isinstance(disks, list):
            sources = (disk.get("source", "") for disk in disks if isinstance(disk, dict))
            each["shared"].update(dirname(where) for where in sources if isinstance(where, str) and where)
    elif _UNREACHED.search(because):
        each.setdefault("failure", because if "reached_at" not in each else "")
