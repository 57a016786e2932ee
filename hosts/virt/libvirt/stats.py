"""libvirt's statistics dicts -> records, by name. A key that is not there is None, never a made-up zero.

NOWAIT in the bulk call makes a domain with a busy job answer with what libvirt holds itself: its QEMU's figures
(balloon, block) are left out that once. The collector keeps the last value and its age.
"""

from datetime import datetime

import libvirt

from hosts.virt.libvirt import words
from hosts.virt.libvirt.facts import unless_lacking
from hosts.virt.libvirt.xml import clean
from hosts.virt.records import DirtyRate, DomainStats, HostStats, JobStats, JobType

Raw = dict[str, "int | float | str | bool"]

_KIB = 1024
_MIB = 1024 * 1024
_NS = 1e-9

GROUPS = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
    # since libvirt 7.2; an older daemon leaves an unknown group out, as we do not ENFORCE
    | getattr(libvirt, "VIR_DOMAIN_STATS_DIRTYRATE", 0)
)
_MEASURED = 2  # virDomainDirtyRateStatus: 0 unstarted, 1 measuring, 2 measured


def host_stats(conn: libvirt.virConnect, at: datetime) -> HostStats:
    """CPU seconds since boot and memory now. A daemon without the calls gives its free memory alone."""
    cpu: dict[str, int] = unless_lacking(lambda: conn.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS, 0), {})
    memory: dict[str, int] = unless_lacking(lambda: conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS, 0), {})
    busy = (cpu["user"] + cpu["kernel"]) * _NS if "user" in cpu and "kernel" in cpu else None
    rest = (cpu.get("idle", 0) + cpu.get("iowait", 0)) * _NS
    if memory:
        total = memory["total"] * _KIB
        free = (memory["free"] + memory.get("buffers", 0) + memory.get("cached", 0)) * _KIB
    else:
        total, free = conn.getInfo()[1] * _MIB, conn.getFreeMemory()
    return HostStats(
        at=at,
        cpu_busy_s=busy,
        cpu_total_s=None if busy is None else busy + rest,
        memory_total_bytes=total,
        memory_free_bytes=min(free, total),
    )


def all_domain_stats(conn: libvirt.virConnect, at: datetime) -> list[DomainStats]:
    """One bulk call for all domains, active or not."""
    rows = conn.getAllDomainStats(GROUPS, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
    return [domain_stats(dom.UUIDString(), dom.name(), raw, at) for dom, raw in rows]


def domain_stats(uuid: str, name: str, raw: Raw, at: datetime) -> DomainStats:
    """One domain's row of the bulk answer."""
    available, unused = _int(raw, "balloon.available"), _int(raw, "balloon.unused")
    cpu_ns = _int(raw, "cpu.time")
    return DomainStats(
        uuid=uuid,
        name=clean(name),
        at=at,
        status=words.status(_int(raw, "state.state") or 0, _int(raw, "state.reason") or 0),
        cpu_time_s=None if cpu_ns is None else cpu_ns * _NS,
        vcpus=_int(raw, "vcpu.current"),
        balloon_bytes=_kib(raw, "balloon.current"),
        memory_used_bytes=None if available is None or unused is None else max(0, available - unused) * _KIB,
        rss_bytes=_kib(raw, "balloon.rss"),
        net_rx_bytes=_sum(raw, "net", "rx.bytes"),
        net_tx_bytes=_sum(raw, "net", "tx.bytes"),
        disk_read_bytes=_sum(raw, "block", "rd.bytes"),
        disk_write_bytes=_sum(raw, "block", "wr.bytes"),
        dirty_rate=dirty_rate(raw, at),
    )


def dirty_rate(raw: Raw, at: datetime) -> DirtyRate | None:
    """The last finished measurement; None while one runs or where none was made."""
    rate, period = _int(raw, "dirtyrate.megabytes_per_second"), _int(raw, "dirtyrate.calc_period")
    if _int(raw, "dirtyrate.calc_status") != _MEASURED or rate is None or rate < 0:
        return None
    return DirtyRate(bytes_per_s=float(rate * _MIB), period_s=float(period or 1), at=at)  # libvirt's MB are MiB


def job_stats(raw: Raw, at: datetime) -> JobStats:
    """virDomainGetJobStats, or the parameters of the JOB_COMPLETED event."""
    kind = words.job_type(_int(raw, "type") or 0)
    running = kind == JobType.RUNNING
    page = _int(raw, "memory_page_size") or 4096
    downtime = _int(raw, "downtime")
    return JobStats(
        at=at,
        type=kind,
        operation=words.job_operation(_int(raw, "operation") or 0),
        elapsed_ms=_int(raw, "time_elapsed") or 0,
        total_bytes=_int(raw, "memory_total") or 0,
        processed_bytes=_int(raw, "memory_processed") or 0,
        remaining_bytes=_int(raw, "memory_remaining") or 0,
        throughput_bytes_per_s=float(_int(raw, "memory_bps") or 0),
        dirty_rate_bytes_per_s=float((_int(raw, "memory_dirty_rate") or 0) * page),  # libvirt's is pages a second
        iteration=_int(raw, "memory_iteration") or 0,
        page_size_bytes=page,
        zero_pages=_int(raw, "memory_constant") or 0,
        normal_bytes=_int(raw, "memory_normal_bytes") or 0,
        expected_downtime_ms=downtime if running else None,
        downtime_ms=None if running else downtime,
        setup_ms=_int(raw, "setup_time"),
        postcopy_requests=_int(raw, "memory_postcopy_requests") or 0,
        throttle_percent=_int(raw, "auto_converge_throttle") or 0,
        disk_total_bytes=_int(raw, "disk_total") or 0,
        disk_processed_bytes=_int(raw, "disk_processed") or 0,
        disk_remaining_bytes=_int(raw, "disk_remaining") or 0,
        error=clean(str(raw.get("errmsg", ""))),
    )


def _int(raw: Raw, key: str) -> int | None:
    value = raw.get(key)
    return int(value) if isinstance(value, (int, float)) else None


def _kib(raw: Raw, key: str) -> int | None:
    value = _int(raw, key)
    return None if value is None else value * _KIB


def _sum(raw: Raw, group: str, what: str) -> int | None:
    """The sum over net.0.…, net.1.…; None where none of them tells (a stopped domain, or NOWAIT)."""
    found = [_int(raw, f"{group}.{index}.{what}") for index in range(_int(raw, f"{group}.count") or 0)]
    known = [value for value in found if value is not None]
    return sum(known) if known else None
