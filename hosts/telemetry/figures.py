"""Figures to rows, in two statements a host and beat however many VMs it has; and to the feed, where they changed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from hosts import feed
from hosts.models import VM, Host, HostLoad, VMLoad
from hosts.telemetry import clean
from hosts.telemetry.near import Near
from hosts.telemetry.rates import HostFigures, VMFigures, coarse
from hosts.virt.records import DomainStats

KEPT = timedelta(hours=1)
#: a dirty rate over more seconds than this is the longer one of the two that a VM keeps
LONGER_THAN_S = 2.0

_COLUMNS = {
    "cpu_percent": "float8",
    "memory_used_bytes": "bigint",
    "rss_bytes": "bigint",
    "net_rx_rate": "float8",
    "net_tx_rate": "float8",
    "disk_read_rate": "float8",
    "disk_write_rate": "float8",
}
_KEPT_COLUMNS = [name for name in _COLUMNS if name != "rss_bytes"]

# a row that moved to another host meanwhile is not touched: its figures come from there
_WRITE_VMS = f"""
    WITH told AS (
        SELECT * FROM unnest(%s::bigint[], {", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())})
               AS told (id, {", ".join(_COLUMNS)})
    ), written AS (
        UPDATE {VM._meta.db_table} AS vm
           SET {", ".join(f"{name} = told.{name}" for name in _COLUMNS)}, figures_at = %s, seen_at = %s
          FROM told WHERE vm.id = told.id AND vm.host_id = %s
        RETURNING vm.id
    )
    INSERT INTO {VMLoad._meta.db_table} (vm_id, at, {", ".join(_KEPT_COLUMNS)})
    SELECT id, %s, {", ".join(_KEPT_COLUMNS)} FROM told JOIN written USING (id)
"""  # noqa: S608 - names of our own tables, values as parameters
_WRITE_HOST = f"""
    WITH written AS (
        UPDATE {Host._meta.db_table}
           SET cpu_percent = %s, memory_free_bytes = %s, net_rx_rate = %s, net_tx_rate = %s,
               figures_at = %s, answered_at = %s
         WHERE id = %s RETURNING id, figures_at, cpu_percent, memory_free_bytes
    )
    INSERT INTO {HostLoad._meta.db_table} (host_id, at, cpu_percent, memory_free_bytes) SELECT * FROM written
"""  # noqa: S608

Sent = dict[str, float | None]


class Figures:
    """Writes one host's figures, and remembers what the browsers were last told, to leave noise unsaid."""

    def __init__(self, host: int) -> None:
        self.host = host
        self._sent: dict[tuple[str, int], Sent] = {}

    def write_vms(self, told: dict[int, VMFigures]) -> None:
        """Figures by the VM's row; all of one beat."""
        if not told:
            return
        at = next(iter(told.values())).at
        rows = [(pk, _storable(each)) for pk, each in told.items()]
        pks = [pk for pk, _ in rows]
        columns = {name: [values[name] for _, values in rows] for name in _COLUMNS}
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_VMS, [pks, *columns.values(), at, at, self.host, at])
        for pk, values in rows:
            self._tell("vm", pk, values)
        self._forget(pks)

    def write_host(self, told: HostFigures) -> None:
        """The host's own figures; the row's ``answered_at`` is the beat's."""
        values = {
            "cpu_percent": told.cpu_percent,
            "memory_free_bytes": clean.size(told.memory_free_bytes),
            "net_rx_rate": told.net_rx_rate,
            "net_tx_rate": told.net_tx_rate,
        }
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_HOST, [*values.values(), told.at, told.at, self.host])
        self._tell("host", self.host, values)

    def _tell(self, noun: str, pk: int, values: dict[str, Any]) -> None:
        rough = {name: coarse(value) for name, value in values.items()}
        before = self._sent.get((noun, pk), {})
        changed = {name: values[name] for name, value in rough.items() if before.get(name, ...) != value}
        if changed:
            self._sent[noun, pk] = rough
            feed.figures(noun, pk, changed)

    def _forget(self, kept: Iterable[int]) -> None:
        """What left this host need not be remembered."""
        here = set(kept)
        for key in [key for key in self._sent if key[0] == "vm" and key[1] not in here]:
            del self._sent[key]


def write_slow_facts(stats: dict[int, DomainStats], rows: dict[int, Near]) -> None:
    """What a beat tells that rarely changes: the balloon's size, and a dirty rate that anybody measured."""
    for pk, each in stats.items():
        changed: dict[str, Any] = {}
        memory = clean.size(each.balloon_bytes)
        if memory and memory != rows[pk].memory_bytes:
            changed["memory_bytes"] = memory
        changed |= _newly_measured(each, rows[pk])
        if changed:
            VM.objects.filter(pk=pk).update(**changed)
            feed.changed("vm", pk)


def _newly_measured(each: DomainStats, row: Near) -> dict[str, Any]:
    """A dirty rate of about a second, or a longer one, whichever was measured last."""
    dirty = each.dirty_rate
    if dirty is None or clean.size(dirty.bytes_per_s) is None:
        return {}
    is_long = dirty.period_s > LONGER_THAN_S
    known = row.dirty_rate_long_at if is_long else row.dirty_rate_at
    if known is not None and dirty.at <= known:
        return {}
    name = "dirty_rate_long" if is_long else "dirty_rate"
    return {name: dirty.bytes_per_s, f"{name}_at": dirty.at}


def prune() -> None:
    """Drop what is older than the graphs show."""
    for model in (HostLoad, VMLoad):
        model._default_manager.filter(at__lt=Now() - KEPT).delete()


def _storable(told: VMFigures) -> dict[str, Any]:
    values = {name: getattr(told, name) for name in _COLUMNS}
    return {name: clean.size(value) if _COLUMNS[name] == "bigint" else value for name, value in values.items()}
