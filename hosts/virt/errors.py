"""Every error that crosses the boundary, and whether trying again can help.

::

    VirtError
    ├── UriRefused            the URI is not one we open: wrong transport or parameter      retry: no
    ├── HostLost              no answer: outcome of the call is UNKNOWN                     retry: yes, after probing
    │   ├── HostUnreachable   no connection could be made (refused, no route, bad name)     retry: yes
    │   └── HostTimeout       our deadline passed while the daemon said nothing             retry: yes
    ├── AccessRefused         the daemon refused our credentials or certificate             retry: no
    ├── NoSuchDomain          no domain with this UUID on that host                         retry: no
    ├── WrongState            the domain's state forbids it (not running, already active)   retry: no
    ├── JobConflict           another job holds the domain, or no job is there to act on    retry: yes
    ├── MigrationRefused      the daemons refused before anything moved; guest unharmed     retry: elsewhere
    ├── MigrationAborted      the job was aborted; the guest runs on the source             retry: yes
    ├── MigrationFailed       the call failed under way: both hosts must be probed          retry: after probing
    ├── Unsupported           this daemon or QEMU cannot do it                              retry: no
    └── OperationFailed       anything else the daemon said                                 retry: maybe
"""


class VirtError(Exception):
    """Base of the tree. ``detail`` is the daemon's own text; ``code``/``domain`` are libvirt's numbers, where known."""

    retry_helps = False
    outcome_unknown = False

    def __init__(self, message: str, *, code: int | None = None, domain: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.domain = domain


class UriRefused(VirtError):
    """The URI names a transport or a parameter that Godwit does not open."""


class HostLost(VirtError):
    """Contact was lost or never made; what the host did with the call is not known."""

    retry_helps = True
    outcome_unknown = True


class HostUnreachable(HostLost):
    """No connection could be made, so nothing was asked of the host."""

    outcome_unknown = False


class HostTimeout(HostLost):
    """Our own deadline passed."""


class AccessRefused(VirtError):
    """The daemon refused us: credentials, certificate, or polkit."""


class NoSuchDomain(VirtError):
    """The host has no domain with this UUID."""


class WrongState(VirtError):
    """The domain is in a state that forbids the call."""


class JobConflict(VirtError):
    """Another job holds the domain, or there is no job to act upon."""

    retry_helps = True


class MigrationRefused(VirtError):
    """Refused before anything moved; the guest runs unharmed on the source."""

    retry_helps = True


class MigrationAborted(VirtError):
    """The job was aborted; the guest runs on the source."""

    retry_helps = True


class MigrationFailed(VirtError):
    """The migration call failed under way: only the states of both hosts tell where the guest is."""

    retry_helps = True
    outcome_unknown = True


class Unsupported(VirtError):
    """The daemon or its QEMU cannot do this."""


class OperationFailed(VirtError):
    """The daemon refused for another reason, which its text gives."""
