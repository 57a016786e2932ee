"""What a beat needs to know of the rows it concerns, read without making models of them: 600 VMs, every ten seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from hosts.models import VM

_READ = f"""
    SELECT uuid::text, id, host_id, state, memory_bytes, dirty_rate_at, dirty_rate_long_at
      FROM {VM._meta.db_table} WHERE host_id = %s
     UNION
    SELECT uuid::text, id, host_id, state, memory_bytes, dirty_rate_at, dirty_rate_long_at
      FROM {VM._meta.db_table} WHERE uuid = ANY(%s::uuid[])
"""  # noqa: S608 - our own table's name


@dataclass(frozen=True, slots=True)
class Near:
    """A VM's row as far as a beat cares."""

    uuid: str
    pk: int
    host: int
    state: str
    memory_bytes: int
    dirty_rate_at: datetime | None
    dirty_rate_long_at: datetime | None


def read(host: int, uuids: Iterable[str]) -> dict[str, Near]:
    """The rows of this host, and those of these UUIDs wherever they are; by UUID."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [host, list(uuids)])
        return {columns[0]: Near(*columns) for columns in cursor}
