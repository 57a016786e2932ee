"""Each libvirt error becomes one of ours, by code and domain; the daemon's own text stays."""

import inspect

import libvirt
import pytest

from hosts.virt import errors as ours
from hosts.virt.libvirt.errors import CALL, JOB, OPEN, Rule, translate

RPC, QEMU, REMOTE, TEST = libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_QEMU, libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_TEST


class Raised(libvirt.libvirtError):  # type: ignore[misc]
    """A libvirtError with numbers of our choice."""

    def __init__(self, code: int, domain: int, text: str) -> None:
        Exception.__init__(self, text)
        self.err = (code, domain, text, 2, None, None, None, 0, 0)


TABLE: list[tuple[tuple[Rule, ...], int, int, str, type[ours.VirtError]]] = [
    (CALL, 38, RPC, "End of file while reading data: Input/output error", ours.HostLost),
    (CALL, 1, RPC, "internal error: client socket is closed", ours.HostLost),
    (CALL, 39, RPC, "RPC error", ours.HostLost),
    (CALL, 6, libvirt.VIR_FROM_NONE, "invalid connection pointer", ours.HostLost),
    (CALL, 1, QEMU, "internal error: QEMU said something odd", ours.OperationFailed),
    (CALL, 38, QEMU, "Unable to write to socket", ours.OperationFailed),
    (CALL, 42, QEMU, "Domain not found", ours.NoSuchDomain),
    (CALL, 55, QEMU, "Requested operation is not valid: domain is not running", ours.WrongState),
    (JOB, 55, QEMU, "Requested operation is not valid: no job is active on the domain", ours.JobConflict),
    (JOB, 55, QEMU, "Requested operation is not valid: domain is not running", ours.WrongState),
    (
        JOB,
        55,
        QEMU,
        "switching to post-copy requires migration to be started with VIR_DOMAIN_MIGRATE_POSTCOPY flag",
        ours.WrongState,
    ),
    (JOB, 42, QEMU, "Domain not found", ours.NoSuchDomain),
    (JOB, 38, RPC, "End of file while reading data", ours.HostLost),
    (CALL, 68, QEMU, "Timed out during operation: cannot acquire state change lock", ours.JobConflict),
    (CALL, 3, 20, "this function is not supported by the connection driver", ours.Unsupported),
    (CALL, 84, QEMU, "Operation not supported", ours.Unsupported),
    (CALL, 74, QEMU, "argument unsupported", ours.Unsupported),
    (CALL, 88, libvirt.VIR_FROM_ACCESS, "access denied", ours.AccessRefused),
    (CALL, 29, RPC, "operation forbidden: read only access", ours.AccessRefused),
    (CALL, 1, TEST, "internal error: Domain 'test' is already running", ours.WrongState),
    (CALL, 1, TEST, "internal error: something else", ours.OperationFailed),
    (CALL, 86, QEMU, "Guest agent is not responding", ours.OperationFailed),
    (CALL, 4711, 4711, "an error from the future", ours.OperationFailed),
    (OPEN, 38, RPC, "unable to connect to server at 'h1:16509': Connection refused", ours.HostUnreachable),
    (OPEN, 38, RPC, "Cannot recv data: root@h1: Permission denied (publickey)", ours.AccessRefused),
    (OPEN, 38, RPC, "Cannot recv data: Host key verification failed.", ours.AccessRefused),
    (OPEN, 38, RPC, "Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file", ours.AccessRefused),
    (OPEN, 45, RPC, "authentication failed: Failed to verify peer's certificate", ours.AccessRefused),
    (OPEN, 45, libvirt.VIR_FROM_POLKIT, "authentication unavailable", ours.AccessRefused),
    (OPEN, 5, 0, "no connection driver available for xen:///system", ours.HostUnreachable),
    (OPEN, 38, RPC, "Cannot recv data: ssh: connect to host h1 port 22: Connection timed out", ours.HostUnreachable),
]


@pytest.mark.parametrize(("rules", "code", "domain", "text", "means"), TABLE)
def test_it_maps(rules: tuple[Rule, ...], code: int, domain: int, text: str, means: type[ours.VirtError]) -> None:
    error = translate(Raised(code, domain, text), rules)
    assert type(error) is means
    assert (error.code, error.domain, str(error)) == (code, domain, text)


def test_each_table_has_an_answer_for_everything() -> None:
    for rules in (CALL, JOB, OPEN):
        assert rules[-1].code is None
        assert rules[-1].text is None


def test_opening_never_leaves_an_outcome_unknown() -> None:
    assert not any(rule.means.outcome_unknown for rule in OPEN)


def test_each_error_of_ours_is_in_the_tree_that_the_docstring_draws() -> None:
    drawn = ours.__doc__ or ""
    for name, kind in inspect.getmembers(ours, inspect.isclass):
        if issubclass(kind, ours.VirtError):
            assert name in drawn
