"""libvirt's numbers in words. A number that is newer than this table becomes "unknown", never an error."""

from hosts.virt.records import DomainState, DomainStatus, JobType

_STATES = (
    DomainState.NOSTATE,
    DomainState.RUNNING,
    DomainState.BLOCKED,
    DomainState.PAUSED,
    DomainState.SHUTDOWN,
    DomainState.SHUTOFF,
    DomainState.CRASHED,
    DomainState.PMSUSPENDED,
)

#: virDomain{Running,Paused,Shutdown,Shutoff,Crashed}Reason, in their order
_REASONS: dict[DomainState, list[str]] = {
    DomainState.RUNNING: [
        "unknown",
        "booted",
        "migrated",
        "restored",
        "from_snapshot",
        "unpaused",
        "migration_canceled",
        "save_canceled",
        "wakeup",
        "crashed",
        "postcopy",
        "postcopy_failed",
    ],
    DomainState.PAUSED: [
        "unknown",
        "user",
        "migration",
        "save",
        "dump",
        "ioerror",
        "watchdog",
        "from_snapshot",
        "shutting_down",
        "snapshot",
        "crashed",
        "starting_up",
        "postcopy",
        "postcopy_failed",
        "api_error",
    ],
    DomainState.SHUTDOWN: ["unknown", "user"],
    DomainState.SHUTOFF: [
        "unknown",
        "shutdown",
        "destroyed",
        "crashed",
        "migrated",
        "saved",
        "failed",
        "from_snapshot",
        "daemon",
    ],
    DomainState.CRASHED: ["unknown", "panicked"],
}

#: virDomainEventType and, each, its virDomainEvent…DetailType, in their order
_LIFECYCLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("defined", ("added", "updated", "renamed", "from_snapshot")),
    ("undefined", ("removed", "renamed")),
    ("started", ("booted", "migrated", "restored", "from_snapshot", "wakeup", "recovered")),
    (
        "suspended",
        (
            *("paused", "migrated", "ioerror", "watchdog", "restored", "from_snapshot", "api_error"),
            *("postcopy", "postcopy_failed"),
        ),
    ),
    ("resumed", ("unpaused", "migrated", "from_snapshot", "postcopy", "postcopy_failed")),
    ("stopped", ("shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from_snapshot", "recreated")),
    ("shutdown", ("finished", "guest", "host")),
    ("pmsuspended", ("memory", "disk")),
    ("crashed", ("panicked", "crashloaded")),
)

_JOB_TYPES = (JobType.NONE, JobType.RUNNING, JobType.RUNNING, JobType.COMPLETED, JobType.FAILED, JobType.CANCELLED)

_JOB_OPERATIONS = [
    "unknown",
    "start",
    "save",
    "restore",
    "migration_in",
    "migration_out",
    "snapshot",
    "snapshot_revert",
    "dump",
    "backup",
    "snapshot_delete",
]

_AGENT = ("unknown", "connected", "disconnected")

_CLOSED = ("error", "end of file", "keepalive", "client")


def _pick(words: "tuple[str, ...] | list[str]", number: int) -> str:
    return words[number] if 0 <= number < len(words) else "unknown"


def status(state: int, reason: int) -> DomainStatus:
    """(state, reason) of virDomainGetState."""
    word = _STATES[state] if 0 <= state < len(_STATES) else DomainState.NOSTATE
    return DomainStatus(state=word, reason=_pick(_REASONS.get(word, ["unknown"]), reason))


def lifecycle(event: int, detail: int) -> str:
    """ "<event>/<reason>", e.g. "suspended/migrated"."""
    if not 0 <= event < len(_LIFECYCLE):
        return "unknown/unknown"
    word, details = _LIFECYCLE[event]
    return f"{word}/{_pick(details, detail)}"


def job_type(number: int) -> JobType:
    """virDomainJobType; both kinds of a running job (bounded or not) are RUNNING."""
    return _JOB_TYPES[number] if 0 <= number < len(_JOB_TYPES) else JobType.NONE


def job_operation(number: int) -> str:
    return _pick(_JOB_OPERATIONS, number)


def agent(state: int) -> str:
    return _pick(_AGENT, state)


def closed(reason: int) -> str:
    """virConnectCloseReason."""
    return _pick(_CLOSED, reason)
