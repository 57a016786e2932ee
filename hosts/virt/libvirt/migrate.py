"""The migration call: its flags and parameters, and what its end means.

The call gets a connection of its own, as it stays under way for as long as the migration lasts and a connection
takes one call at a time (see deadline.py; also, a libvirtd serves five requests of one client and no more).

What a failure means cannot be told by its code alone: 38/7 "connection refused" may be the source's daemon that did
not reach the destination (nothing happened), 1/7 "client socket is closed" the destination that died after the
guest already ran there. So *refused* is said only where all of this holds: our own connection to the source
lives, libvirt never told of a pass over memory (ITERATION) nor of a suspended guest, and the code is one of those
by which libvirt refuses. Everything else that is not an abort is MigrationFailed: look at both hosts.
"""

import logging
import re
import threading

import libvirt

from hosts.virt.clock import WALL
from hosts.virt.errors import (
    HostLost,
    JobConflict,
    MigrationAborted,
    MigrationFailed,
    MigrationRefused,
    OperationFailed,
    Unsupported,
    VirtError,
    WrongState,
)
from hosts.virt.libvirt import facts, words
from hosts.virt.libvirt.errors import translate
from hosts.virt.records import MigrateSpec

log = logging.getLogger(__name__)

_MIB = 1024 * 1024
#: libvirt turns MiB/s into bytes/s and keeps them in a signed 64-bit number: this is the most it takes, and its own
#: default for "no limit". One more is refused as an overflow; 0 would mean "stand still" to some QEMU versions.
UNLIMITED_MIB_S = (2**63 - 1) // _MIB

#: QEMU below this loses the VM when multifd and post-copy meet (7.2: the destination asserts after the switch).
LONGEST_DOWNTIME_MS = 2_000_000
_PARALLEL_POSTCOPY_QEMU = (10, 1, 0)
_ZERO_COPY_QEMU = (7, 1, 0)

#: Codes by which libvirt refuses before it moves anything (see migration.md, section 2).
_REFUSALS = frozenset(
    {
        libvirt.VIR_ERR_INVALID_ARG,
        libvirt.VIR_ERR_OPERATION_FAILED,
        libvirt.VIR_ERR_SYSTEM_ERROR,
        libvirt.VIR_ERR_NO_NETWORK,
        libvirt.VIR_ERR_OPERATION_INVALID,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_MIGRATE_UNSAFE,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
        libvirt.VIR_ERR_CPU_INCOMPATIBLE,
        libvirt.VIR_ERR_AUTH_FAILED,
    }
)
_UNSUPPORTED = frozenset({libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED})
#: 1/10 covers everything from "same host" to a crashed QEMU; these texts are of the first kind.
_REFUSED_TEXT = re.compile(
    r"to the same host|resolved to localhost|Unable to access credentials|unable to connect to server"
    r"|Unable to resolve address|[Cc]onnection refused|No route to host|certificate"
)
_ANOTHER_JOB = re.compile("another migration job")
#: How long after the call's end its last events may still be on their way to us.
_EVENTS_SETTLE_S = 0.1


def check(spec: MigrateSpec, qemu_version: str) -> None:
    """Refuse what would lose the VM, before libvirt is asked: libvirt 9.0 does not refuse it."""
    version = tuple(int(part) for part in qemu_version.split(".")) if qemu_version else (0, 0, 0)
    if spec.postcopy and spec.parallel and version < _PARALLEL_POSTCOPY_QEMU:
        raise Unsupported("Post-copy together with parallel channels needs QEMU 10.1; below, the VM can be lost.")
    if spec.zero_copy and (version < _ZERO_COPY_QEMU or not spec.parallel):
        raise Unsupported("Zero-copy needs QEMU 7.1 and parallel connections.")


#: what of a spec is a flag of its own
_FLAGS = {
    "postcopy": libvirt.VIR_MIGRATE_POSTCOPY,
    "auto_converge": libvirt.VIR_MIGRATE_AUTO_CONVERGE,
    "parallel": libvirt.VIR_MIGRATE_PARALLEL,
    "paused": libvirt.VIR_MIGRATE_PAUSED,
    "resume_postcopy": libvirt.VIR_MIGRATE_POSTCOPY | libvirt.VIR_MIGRATE_POSTCOPY_RESUME,
    "xbzrle": libvirt.VIR_MIGRATE_COMPRESSED,
    "tls": libvirt.VIR_MIGRATE_TLS,
    "copy_disks": libvirt.VIR_MIGRATE_NON_SHARED_DISK,
    "zero_copy": libvirt.VIR_MIGRATE_ZEROCOPY,
    "persistent": libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE,
}

_OFFLINE: int = (
    libvirt.VIR_MIGRATE_OFFLINE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
)


def flags(spec: MigrateSpec) -> int:
    """virDomainMigrateFlags: always peer-to-peer, and live or of the definition alone."""
    if spec.offline:
        return _OFFLINE
    value: int = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
    for name, flag in _FLAGS.items():
        if getattr(spec, name):
            value |= flag
    return value


def parameters(spec: MigrateSpec) -> dict[str, str | int]:
    """Typed parameters. Without a cap there is no bandwidth parameter: QEMU's own default of libvirt is "no limit"."""
    params: dict[str, str | int] = {}
    if spec.offline:
        return params
    if spec.migrate_address:
        address = f"[{spec.migrate_address}]" if ":" in spec.migrate_address else spec.migrate_address
        params[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{address}"
    if spec.bandwidth_bytes_per_s is not None:
        params[libvirt.VIR_MIGRATE_PARAM_BANDWIDTH] = mib_per_s(spec.bandwidth_bytes_per_s)
    if spec.parallel:
        params[libvirt.VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS] = spec.parallel
    if spec.xbzrle:
        params[libvirt.VIR_MIGRATE_PARAM_COMPRESSION] = "xbzrle"
    return params


def mib_per_s(bytes_per_s: int) -> int:
    """Whole MiB/s, rounded up, from 1 to the most libvirt takes: 1 -> 1, 1048576 -> 1, 1048577 -> 2."""
    return min(max(1, -(-bytes_per_s // _MIB)), UNLIMITED_MIB_S)


def allowed_downtime(milliseconds: int) -> int:
    """The same number, or OperationFailed outside of 1 to 2,000,000 ms: QEMU takes 0 and then never switches over."""
    if not 1 <= milliseconds <= LONGEST_DOWNTIME_MS:
        raise OperationFailed(f"The allowed downtime is 1 to {LONGEST_DOWNTIME_MS:,} ms, not {milliseconds}.")
    return milliseconds


def check_off(dom: libvirt.virDomain) -> None:
    """WrongState unless it is shut off, defined, and nothing of it is saved: libvirt would take the definition away
    from under a guest that runs, and leave a saved memory behind that no definition belongs to."""
    if dom.isActive():
        raise WrongState("The VM runs: only of one that is down the definition alone can move.")
    if dom.hasManagedSaveImage(0):
        raise WrongState("The VM's memory is saved to a file of its host, which would stay behind.")


class Witness:
    """Sees whether the migration moved anything: a pass over memory began, or the guest was suspended for it."""

    def __init__(self, conn: libvirt.virConnect, dom: libvirt.virDomain) -> None:
        self._conn = conn
        self._moved = threading.Event()
        self._ids = [
            conn.domainEventRegisterAny(dom, libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, self._iteration, None),
            conn.domainEventRegisterAny(dom, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lifecycle, None),
        ]

    @property
    def moved(self) -> bool:
        return self._moved.is_set()

    def dismiss(self) -> None:
        """Deregister; otherwise the connection would stay open."""
        for callback_id in self._ids:
            try:
                self._conn.domainEventDeregisterAny(callback_id)
            except libvirt.libvirtError:
                continue  # the connection is gone, and so is the registration

    def _iteration(self, *_args: object) -> None:
        self._moved.set()

    def _lifecycle(self, _conn: object, _dom: object, event: int, _detail: int, _opaque: object) -> None:
        if event in (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_STOPPED):
            self._moved.set()


def run(conn: libvirt.virConnect, spec: MigrateSpec) -> None:
    """Migrate on ``conn``, which nobody else uses. Returns when the source's daemon says it ended well."""
    dom = facts.find(conn, spec.uuid)
    if spec.offline:
        check_off(dom)
    elif spec.max_downtime_ms is not None and not spec.resume_postcopy:
        dom.migrateSetMaxDowntime(allowed_downtime(spec.max_downtime_ms), 0)
    witness = Witness(conn, dom)
    try:
        dom.migrateToURI3(spec.destination_uri, parameters(spec), flags(spec))
    except libvirt.libvirtError as exc:
        WALL.sleep(_EVENTS_SETTLE_S)
        raise meaning(exc, moved=witness.moved, connected=bool(conn.isAlive())) from exc
    finally:
        witness.dismiss()


def meaning(exc: libvirt.libvirtError, *, moved: bool, connected: bool) -> VirtError:
    """What the end of the call means. ``moved``: a pass over memory began; ``connected``: the source's daemon lives."""
    code, domain, text = exc.get_error_code(), exc.get_error_domain(), str(exc)
    if not connected:
        return HostLost(text, code=code, domain=domain)
    if code == libvirt.VIR_ERR_OPERATION_ABORTED:
        return MigrationAborted(text, code=code, domain=domain)
    if code == libvirt.VIR_ERR_OPERATION_INVALID and _ANOTHER_JOB.search(text):
        return JobConflict(text, code=code, domain=domain)  # the other one goes on, and what moved is its doing
    if moved:
        return MigrationFailed(text, code=code, domain=domain)
    if code in _UNSUPPORTED:
        return Unsupported(text, code=code, domain=domain)
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return translate(exc)
    lost_between_them = domain == libvirt.VIR_FROM_RPC and not _REFUSED_TEXT.search(text)
    if not lost_between_them and (code in _REFUSALS or _REFUSED_TEXT.search(text)):
        return MigrationRefused(text, code=code, domain=domain)
    return MigrationFailed(text, code=code, domain=domain)


def set_speed(dom: libvirt.virDomain, mib_s: int) -> None:
    """Cap the job. Post-copy has a cap of its own in QEMU, and only where post-copy runs may it be set."""
    state, reason = dom.state()
    status = words.status(state, reason)
    dom.migrateSetMaxSpeed(mib_s, 0)
    if status.reason == "postcopy":
        dom.migrateSetMaxSpeed(mib_s, libvirt.VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)
