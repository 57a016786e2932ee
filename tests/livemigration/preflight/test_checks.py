"""Each check, both ways: it …"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hosts.livemigration.policy import Arrival
from hosts.livemigration.preflight import CHECKS, Case, Finding, Outcome, Proof, Wishes, judge, objection
from hosts.livemigration.preflight.fresh import with_refusals
from hosts.livemigration.preflight.records import Guest, Place, version_of
from hosts.states import HostState, VMState
from hosts.virt.records import Disk, Nic, Refusal

GIB = 1 << 30
PASSES, WARNS, REFUSES = Outcome.PASSES, Outcome.WARNS, Outcome.REFUSES
LAN = Nic(kind="network", source="lan")
REMOTE = Disk(target="vda", kind="network", source="pool/a")
FILE = Disk(target="vda", kind="file", source="/srv/a/web.qcow2", cache="none")
UNPROVED = {"tls_at": None}
WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)

HERE = Place(
    name="h1",
    pk=1,
    machine_uuid="one",
    cluster="blue",
    cluster_pk=1,
    datacenter="Test",
    datacenter_pk=1,
    address="h1",
    libvirt=(9, 0, 0),
    qemu=(7, 2, 22),
    arch="x86_64",
    cpus=16,
    cpu_model="Skylake",
    cpu_features=frozenset({"sse4", "avx", "avx512f"}),
    cpu_models=frozenset({"Skylake", "Westmere"}),
    machine_types=frozenset({"pc-q35-7.2"}),
    virt_types=frozenset({"kvm", "qemu"}),
    networks=frozenset({"lan"}),
    bridges=frozenset({"br0"}),
    huge_pages={2 << 20: 4096},
    free_bytes=48 * GIB,
    locks="virtlockd",
    keepalive_tuned=True,
    migration_tls=True,
)
THERE = replace(HERE, name="h2", pk=2, machine_uuid="two", address="h2")
GUEST = Guest(
    name="web",
    arch="x86_64",
    machine="pc-q35-7.2",
    virt_type="kvm",
    memory_bytes=4 * GIB,
    cpu_mode="custom",
    cpu_model="Westmere",
    disks=(FILE,),
    nics=(LAN,),
)
SEEN = Proof(reached_at=WHEN, shared=frozenset({"/srv/a"}), tls_at=WHEN)
GOOD = Case(guest=GUEST, source=HERE, destination=THERE, wishes=Wishes(), proof=SEEN)


def case(**parts: dict[str, Any]) -> Case:
    """The good case with some fields of its parts changed."""
    changed = {name: replace(getattr(GOOD, name), **fields) for name, fields in parts.items()}
    return replace(GOOD, **changed)


def found(it: Case, check: str) -> Finding:
    (finding,) = [each for each in judge(it) if each.check == check]
    return finding


def test_it_passes_everything_where_nothing_is_wrong() -> None:
    findings = judge(GOOD)
    assert [each for each in findings if each.outcome is not PASSES] == []
    assert len({each.check for each in findings}) == len(CHECKS)
    assert all(each.text.endswith(".") for each in findings)


@pytest.mark.parametrize(
    ("check", "parts", "outcome", "words"),
    [
        ("vm_state", {"guest": {"state": VMState.PAUSED}}, PASSES, "arrives paused"),
        ("vm_state", {"guest": {"state": VMState.DOWN}}, PASSES, "its definition moves, and it stays down"),
        (
            "locks",
            {"destination": {"locks": "none"}, "wishes": {"arrival": Arrival.UNLOCKED}},
            PASSES,
            "two copies cannot run",
        ),
        ("locks", {"destination": {"locks": ""}, "wishes": {"arrival": Arrival.UNLOCKED}}, WARNS, "is not known"),
        (
            "postcopy",
            {"source": {"locks": "none"}, "wishes": {"arrival": Arrival.UNLOCKED}},
            WARNS,
            "the guest arrives paused",
        ),
        ("zero_copy", {"wishes": {"zero_copy": True}}, REFUSES, "parallel connections only"),
        ("zero_copy", {"wishes": {"zero_copy": True, "parallel": 4, "tls": True}}, REFUSES, "without TLS"),
        (
            "zero_copy",
            {"wishes": {"zero_copy": True, "parallel": 4}, "destination": {"qemu": (6, 2, 0)}},
            REFUSES,
            "needs QEMU 7.1 and libvirt 8.5: h2 has QEMU 6.2.0",
        ),
        (
            "zero_copy",
            {"wishes": {"zero_copy": True, "parallel": 4}, "guest": {"memory_limit_bytes": 1 << 20}},
            REFUSES,
            "hard limit",
        ),
        ("zero_copy", {"wishes": {"zero_copy": True, "parallel": 4}}, PASSES, "lock its memory meanwhile"),
        ("definition", {"guest": {"managed_save": True}}, REFUSES, "saved to a file of its host"),
        ("definition", {"guest": {"persistent": False}}, PASSES, "transient, and arrives so"),
        ("devices", {"guest": {"state": VMState.DOWN, "devices": ("tpm tpm-crb",)}}, REFUSES, "its state lies on"),
        ("devices", {"guest": {"state": VMState.DOWN, "nvram": True}}, WARNS, "firmware variables"),
        ("memory", {"guest": {"state": VMState.DOWN}, "destination": {"free_bytes": 1}}, WARNS, "Its definition fits"),
        ("methods", {"guest": {"state": VMState.DOWN}, "wishes": {"copy_disks": True}}, REFUSES, "moves alone"),
        ("vm_state", {"guest": {"state": VMState.SUSPENDED}}, REFUSES, "web is suspended"),
        ("vm_state", {"source": {"state": HostState.NON_RESPONSIVE}}, REFUSES, "h1, where web runs, does not answer"),
        ("job", {"guest": {"busy": "web is being migrated already."}}, REFUSES, "already"),
        ("place", {"destination": {"pk": 1}}, REFUSES, "The VM is on this host."),
        ("place", {"destination": {"machine_uuid": "one"}}, REFUSES, "same machine as h1"),
        ("cluster", {"destination": {"cluster_pk": 2, "cluster": "red"}}, REFUSES, "another cluster (red)"),
        ("cluster", {"destination": {"datacenter_pk": 2, "datacenter": "Far"}}, REFUSES, "another data center (Far)"),
        ("host_state", {"destination": {"state": HostState.MAINTENANCE}}, REFUSES, "The host is maintenance."),
        ("host_state", {"destination": {"state": HostState.CONNECTING}}, REFUSES, "The host is connecting."),
        ("transport", {"destination": {"address": ""}}, REFUSES, "names no host"),
        ("transport", {"destination": {"kind": "sim"}}, REFUSES, "qemu host cannot send a VM to a sim host"),
        ("transport", {"source": {"kind": "test"}, "destination": {"kind": "test"}}, REFUSES, "cannot send"),
        ("arch", {"destination": {"arch": "aarch64"}}, REFUSES, "aarch64, the VM needs x86_64"),
        ("virt_type", {"destination": {"virt_types": frozenset({"qemu"})}}, REFUSES, "No kvm there"),
        ("machine_type", {"guest": {"machine": "pc-q35-10.0"}}, REFUSES, "No machine type pc-q35-10.0 (QEMU 7.2.22)"),
        ("machine_type", {"destination": {"machine_types": frozenset()}}, PASSES, "asked"),
        ("cpu", {"guest": {"virt_type": "qemu", "cpu_model": "No"}}, PASSES, "emulated"),
        ("cpu", {"destination": {"cpu_models": frozenset({"Skylake"})}}, REFUSES, "CPU model Westmere"),
        (
            "cpu",
            {"guest": {"cpu_features": frozenset({"avx512f"})}, "destination": {"cpu_features": frozenset({"avx"})}},
            REFUSES,
            "lacks avx512f",
        ),
        # what KVM itself adds (x2apic, hypervisor) is in no host's list, and refuses nothing
        ("cpu", {"guest": {"cpu_features": frozenset({"hypervisor", "x2apic"})}}, PASSES, "Westmere"),
        ("cpu", {"guest": {"cpu_mode": "host-passthrough"}}, PASSES, "every flag"),
        (
            "cpu",
            {"guest": {"cpu_mode": "host-passthrough"}, "destination": {"cpu_features": frozenset({"sse4"})}},
            REFUSES,
            "lacks avx, avx512f",
        ),
        (
            "cpu",
            {"guest": {"cpu_mode": "host-passthrough"}, "destination": {"cpu_features": frozenset()}},
            WARNS,
            "not known",
        ),
        ("networks", {"destination": {"networks": frozenset({"other"})}}, REFUSES, "No network “lan”"),
        ("networks", {"destination": {"networks": frozenset()}}, WARNS, "network “lan”"),
        ("networks", {"guest": {"nics": (Nic(kind="bridge", source="br9"),)}}, REFUSES, "No bridge “br9”"),
        ("networks", {"guest": {"nics": (Nic(kind="user"),)}}, PASSES, "networks"),
        ("memory", {"destination": {"free_bytes": 4 * GIB}}, REFUSES, "Needs 4.4 GiB of memory, 4 GiB is free"),
        ("memory", {"destination": {"free_bytes": None}}, REFUSES, "not known yet"),
        ("memory", {"destination": {"free_bytes": int(4.4 * GIB) + 1}}, PASSES, "4.4 GiB is free"),
        ("huge_pages", {"guest": {"huge_page_bytes": 2 << 20}}, PASSES, "holds 8 GiB"),
        ("huge_pages", {"guest": {"huge_page_bytes": 0}}, PASSES, "holds 8 GiB"),
        ("huge_pages", {"guest": {"huge_page_bytes": GIB}}, REFUSES, "in huge pages of 1 GiB, its pool holds"),
        (
            "huge_pages",
            {"guest": {"huge_page_bytes": 2 << 20}, "destination": {"huge_pages": {2 << 20: 2047}}},
            REFUSES,
            "its pool holds 4 GiB",
        ),
        ("huge_pages", {"guest": {"huge_page_bytes": 0}, "destination": {"huge_pages": None}}, WARNS, "not known"),
        ("memory", {"guest": {"huge_page_bytes": 0}, "destination": {"free_bytes": 0}}, PASSES, "pool"),
        ("pinning", {"guest": {"pinned_cpus": True}}, WARNS, "by number"),
        ("pinning", {"guest": {"pinned_cpus": True}, "destination": {"cpus": 8}}, REFUSES, "8 CPUs, not 16"),
        ("snapshots", {"guest": {"snapshots": 2}}, REFUSES, "snapshots (2)"),
        ("devices", {"guest": {"devices": ("hostdev pci 0000:01:00.0",)}}, REFUSES, "hostdev pci 0000:01:00.0"),
        ("devices", {"guest": {"nics": (Nic(kind="hostdev"),)}}, REFUSES, "network card of its host"),
        ("devices", {"guest": {"devices": ("filesystem mount",)}}, WARNS, "folder of the host"),
        ("devices", {"guest": {"devices": ("shmem ivshmem",)}}, WARNS, "shmem"),
        ("devices", {"guest": {"devices": ("tpm tpm-crb",)}}, PASSES, "no device"),
        ("devices", {"guest": {"nics": (Nic(kind="direct", source="eth1"),)}}, WARNS, "eth1"),
        ("storage", {"proof": {"shared": frozenset()}}, WARNS, "vda (/srv/a/web.qcow2)"),
        ("storage", {"proof": {"shared": frozenset()}, "wishes": {"copy_disks": True}}, WARNS, "copied"),
        ("storage", {"guest": {"disks": ()}}, PASSES, "no disk"),
        ("storage", {"guest": {"disks": (Disk(target="sda", kind="file", device="cdrom"),)}}, PASSES, "no disk"),
        (
            "storage",
            {"guest": {"disks": (REMOTE,)}, "proof": {"shared": frozenset()}},
            PASSES,
            "reached from both",
        ),
        ("cache", {"guest": {"disks": (replace(FILE, cache="unsafe"),)}}, WARNS, "unsafe"),
        ("cache", {"guest": {"disks": (replace(FILE, cache="writeback"),)}}, PASSES, "No disk"),
        (
            "cache",
            {"guest": {"disks": (replace(FILE, cache=""),)}, "destination": {"qemu": (3, 1)}},
            WARNS,
            "vda (default)",
        ),
        ("locks", {"destination": {"locks": "none"}}, WARNS, "has none"),
        ("locks", {"source": {"locks": ""}}, WARNS, "is not known"),
        ("locks", {"source": {"locks": ""}, "guest": {"disks": (replace(FILE, readonly=True),)}}, PASSES, "no disk"),
        ("postcopy", {"wishes": {"parallel": 4}}, REFUSES, "QEMU 10.1 (h1 has 7.2.22)"),
        ("postcopy", {"wishes": {"parallel": 4, "postcopy": False}}, PASSES, "not wished"),
        (
            "postcopy",
            {"wishes": {"parallel": 4}, "source": {"qemu": (10, 1, 0)}, "destination": {"qemu": (10, 2, 0)}},
            PASSES,
            "may be used",
        ),
        ("postcopy", {"wishes": {"copy_disks": True}}, WARNS, "while disks are copied"),
        ("postcopy", {"guest": {"huge_page_bytes": GIB}}, WARNS, "1 GiB"),
        ("postcopy", {"guest": {"huge_page_bytes": 2 << 20}}, PASSES, "may be used"),
        ("methods", {"wishes": {"xbzrle": True, "parallel": 2, "postcopy": False}}, REFUSES, "XBZRLE"),
        ("methods", {"wishes": {"copy_disks": True}, "guest": {"state": VMState.PAUSED}}, REFUSES, "running VM only"),
        ("tls", {"wishes": {"tls": True}}, PASSES, "by TLS"),
        ("tls", {"wishes": {"tls": True}, "destination": {"migration_tls": False}}, REFUSES, "not set up on h2"),
        ("tls", {"wishes": {"tls": True}, "source": {"migration_tls": None}, "proof": UNPROVED}, WARNS, "not known"),
        ("tls", {"wishes": {"tls": True}, "source": {"migration_tls": None}}, PASSES, "by TLS"),
        ("reach", {"proof": {"reached_at": None}}, WARNS, "Not proved"),
        ("reach", {"proof": {"failure": "Connection refused"}}, WARNS, "the last time: Connection refused"),
        ("libvirt", {"source": {"libvirt": (8, 8, 0)}}, WARNS, "libvirt 8.8.0 on h1"),
        ("libvirt", {"destination": {"libvirt": (8, 8, 0)}}, PASSES, "9.0.0 to 8.8.0"),
        ("libvirt", {"destination": {"libvirt": (11, 3, 0)}}, WARNS, "broken post-copy"),
        ("libvirt", {"destination": {"libvirt": (11, 3, 0)}, "wishes": {"postcopy": False}}, PASSES, "11.3.0"),
        ("libvirt", {"destination": {"libvirt": ()}}, WARNS, "not known"),
        ("qemu", {"source": {"qemu": (10, 0, 2)}}, WARNS, "older QEMU"),
        ("qemu", {"destination": {"qemu": (10, 0, 2)}}, WARNS, "extra features: ht"),
        ("qemu", {"destination": {"qemu": (8, 0, 0)}}, PASSES, "7.2.22 to 8.0.0"),
        ("qemu", {"destination": {"qemu": ()}}, WARNS, "not known"),
        ("keepalive", {"destination": {"keepalive_tuned": None}}, WARNS, "(h2:"),
        ("keepalive", {"destination": {"keepalive_tuned": False}}, WARNS, "28 s"),
    ],
)  # fmt: skip
def test_it_says(check: str, parts: dict[str, dict[str, Any]], outcome: Outcome, words: str) -> None:
    finding = found(case(**parts), check)
    assert (finding.outcome, words in finding.text) == (outcome, True), finding.text


def test_every_check_has_a_case_that_does_not_pass_or_says_why_there_is_none() -> None:
    marks = [mark for mark in test_it_says.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    bad = {row[0] for row in marks[0].args[1] if row[2] is not PASSES}
    assert bad == {each.check for each in judge(GOOD)}


def test_every_refusal_names_a_remedy_or_the_item() -> None:
    marks = [mark for mark in test_it_says.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    for check, parts, outcome, _ in marks[0].args[1]:
        finding = found(case(**parts), check)
        if outcome is not PASSES:
            assert finding.text
            assert finding.sentence == f"{finding.text} {finding.remedy}".strip()


def test_it_refuses_nothing_that_is_merely_not_known() -> None:
    bare = Place(name="h", pk=3, datacenter_pk=1, cluster_pk=1, address="h", free_bytes=64 * GIB)
    unknown = Case(guest=Guest(name="web"), source=replace(bare, pk=4), destination=bare)
    assert objection(judge(unknown)) is None


def test_it_puts_the_destinations_own_word_in_place_of_what_passed() -> None:
    said = [
        Refusal(check="machine_type", reason="No pc-q35-9.", remedy="Upgrade."),
        Refusal(check="name", reason="The name is taken."),
        Refusal(check="memory", reason="Too small."),
    ]
    full = case(destination={"free_bytes": 0})
    merged = {each.check: each for each in with_refusals(judge(full), said)}
    assert (merged["machine_type"].outcome, merged["machine_type"].remedy) == (REFUSES, "Upgrade.")
    assert merged["name"].outcome is REFUSES
    assert "Needs 4.4 GiB" in merged["memory"].text  # refused by ours already: said once


@pytest.mark.parametrize(
    ("text", "version"), [("7.2.22", (7, 2, 22)), ("", ()), ("9.x", ()), ("1..2", ()), ("-1.2", ()), ("٣.١", ())]
)
def test_it_reads_versions_and_leaves_others_alone(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version
