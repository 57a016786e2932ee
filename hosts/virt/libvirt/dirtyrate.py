"""Measuring how fast a guest dirties its memory, by page sampling.

Never by dirty-bitmap: that mode kills QEMU 7.2 under TCG.
"""

from datetime import datetime

import libvirt

from hosts.virt.errors import Unsupported
from hosts.virt.libvirt import stats
from hosts.virt.records import DirtyRate

POLL_S = 0.2

_PAGE_SAMPLING = 0  # VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING (8.1), and what older daemons do anyway


def start(dom: libvirt.virDomain, seconds: int) -> None:
    """Begin a measurement of 1 to 60 seconds."""
    if not 1 <= seconds <= 60:
        raise Unsupported(f"A dirty-rate measurement lasts 1 to 60 seconds, not {seconds}.")
    dom.startDirtyRateCalc(seconds, _PAGE_SAMPLING)


def result(conn: libvirt.virConnect, dom: libvirt.virDomain, at: datetime) -> DirtyRate | None:
    """The measurement, or None while it runs."""
    rows = conn.domainListGetStats([dom], libvirt.VIR_DOMAIN_STATS_DIRTYRATE, 0)
    return stats.dirty_rate(rows[0][1], at) if rows else None
