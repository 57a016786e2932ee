"""The migration call: flags, parameters, and what its end means."""

from dataclasses import replace

import libvirt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt import errors as ours
from hosts.virt.libvirt import migrate
from hosts.virt.records import MigrateSpec
from tests.virt.libvirt.test_errors_are_mapped import QEMU, RPC, Raised

MIB = 1 << 20
SPEC = MigrateSpec(uuid="u", destination_uri="qemu+tcp://h2/system")


def test_it_is_always_live_and_peer_to_peer_and_moves_the_definition() -> None:
    assert migrate.flags(SPEC) == (
        libvirt.VIR_MIGRATE_LIVE
        | libvirt.VIR_MIGRATE_PEER2PEER
        | libvirt.VIR_MIGRATE_PERSIST_DEST
        | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    )


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"postcopy": True}, libvirt.VIR_MIGRATE_POSTCOPY),
        ({"auto_converge": True}, libvirt.VIR_MIGRATE_AUTO_CONVERGE),
        ({"parallel": 2}, libvirt.VIR_MIGRATE_PARALLEL),
    ],
)
def test_it_sets_a_flag_only_where_asked(change: dict[str, bool], flag: int) -> None:
    assert not migrate.flags(SPEC) & flag
    assert migrate.flags(replace(SPEC, **change)) & flag  # type: ignore[arg-type]


def test_it_leaves_out_what_is_not_asked() -> None:
    assert migrate.parameters(SPEC) == {}


def test_it_gives_address_bandwidth_and_channels() -> None:
    spec = replace(SPEC, migrate_address="10.0.0.2", bandwidth_bytes_per_s=MIB + 1, parallel=4)
    assert migrate.parameters(spec) == {"migrate_uri": "tcp://10.0.0.2", "bandwidth": 2, "parallel.connections": 4}


def test_it_puts_ipv6_into_brackets() -> None:
    assert migrate.parameters(replace(SPEC, migrate_address="fd00::2"))["migrate_uri"] == "tcp://[fd00::2]"


@given(st.integers(min_value=-5, max_value=2**70))
def test_bandwidth_is_rounded_up_and_never_zero_and_never_too_much(bytes_per_s: int) -> None:
    mib = migrate.mib_per_s(bytes_per_s)
    assert 1 <= mib <= migrate.UNLIMITED_MIB_S
    assert mib * MIB < 2**63
    if 0 < bytes_per_s < 2**62:
        assert 0 <= mib * MIB - bytes_per_s < MIB


@pytest.mark.parametrize("version", ["7.2.22", "10.0.2", "10.0.99", ""])
def test_it_refuses_postcopy_with_parallel_channels_below_qemu_10_1(version: str) -> None:
    with pytest.raises(ours.Unsupported, match=r"10\.1"):
        migrate.check(replace(SPEC, postcopy=True, parallel=2), version)


@pytest.mark.parametrize("spec", [replace(SPEC, postcopy=True), replace(SPEC, parallel=2)])
def test_it_takes_either_of_them_alone(spec: MigrateSpec) -> None:
    migrate.check(spec, "7.2.22")


def test_it_takes_both_from_qemu_10_1() -> None:
    migrate.check(replace(SPEC, postcopy=True, parallel=2), "10.1.0")


@pytest.mark.parametrize("milliseconds", [0, -1, 2_000_001])
def test_it_refuses_a_downtime_that_qemu_cannot_keep(milliseconds: int) -> None:
    with pytest.raises(ours.OperationFailed, match="2,000,000"):
        migrate.allowed_downtime(milliseconds)


SAME_HOST = "internal error: Attempt to migrate guest to the same host"
ENDS = [
    # code, domain, text, moved, connected, means
    (78, QEMU, "operation aborted: job canceled by client", True, True, ours.MigrationAborted),
    (38, RPC, "End of file while reading data", True, False, ours.HostLost),
    (38, RPC, "End of file while reading data", False, False, ours.HostLost),
    (1, RPC, "internal error: client socket is closed", True, True, ours.MigrationFailed),  # H05: it may run there
    (1, RPC, "internal error: client socket is closed", False, True, ours.MigrationFailed),
    (38, RPC, "unable to connect to server at 'h2:16509': Connection refused", False, True, ours.MigrationRefused),
    (38, RPC, "unable to connect to server at 'h2:49152': No route to host", True, True, ours.MigrationFailed),
    (1, QEMU, SAME_HOST, False, True, ours.MigrationRefused),
    (1, QEMU, "internal error: QEMU unexpectedly closed the monitor", False, True, ours.MigrationFailed),
    (9, QEMU, "operation failed: Unable to write to socket", True, True, ours.MigrationFailed),
    (9, 20, "operation failed: domain 'x' already exists with uuid y", False, True, ours.MigrationRefused),
    (55, 20, "Requested operation is not valid: domain is already active", False, True, ours.MigrationRefused),
    (55, QEMU, "another migration job is already running for domain 'x'", True, True, ours.JobConflict),
    (67, QEMU, "Emulator does not support machine type 'pc-q35-10.0'", False, True, ours.MigrationRefused),
    (81, QEMU, "Unsafe migration: Migration without shared storage is unsafe", False, True, ours.MigrationRefused),
    (84, QEMU, "Operation not supported", False, True, ours.MigrationRefused),
    (91, QEMU, "the CPU is incompatible with host CPU", False, True, ours.MigrationRefused),
    (43, QEMU, "Network not found", False, True, ours.MigrationRefused),
    (74, QEMU, "unsupported parameter", False, True, ours.Unsupported),
    (3, 20, "this function is not supported", False, True, ours.Unsupported),
    (42, QEMU, "Domain not found", False, True, ours.NoSuchDomain),
    (42, QEMU, "Domain not found", True, True, ours.MigrationFailed),
    (38, RPC, "Cannot read CA certificate '/etc/pki/CA/cacert.pem'", False, True, ours.MigrationRefused),
]


@pytest.mark.parametrize(("code", "domain", "text", "moved", "connected", "means"), ENDS)
def test_its_end_means(
    code: int, domain: int, text: str, moved: bool, connected: bool, means: type[ours.VirtError]
) -> None:
    assert type(migrate.meaning(Raised(code, domain, text), moved=moved, connected=connected)) is means


@given(st.integers(0, 120), st.integers(0, 70), st.text(max_size=20), st.booleans())
def test_once_memory_moved_nothing_but_an_abort_is_called_harmless(
    code: int, domain: int, text: str, connected: bool
) -> None:
    error = migrate.meaning(Raised(code, domain, text), moved=True, connected=connected)
    assert error.outcome_unknown or isinstance(error, ours.MigrationAborted)
