"""Hosts and guests that say odd things are shown, not stumbled over. A driver of ours says what no simulator would."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hosts.models import VM
from hosts.states import HostState, VMState
from hosts.telemetry import calls
from hosts.virt.clock import WALL
from hosts.virt.errors import HostTimeout, Unsupported
from hosts.virt.records import (
    DirtyRate,
    Disk,
    DomainEvent,
    DomainFacts,
    DomainState,
    DomainStats,
    DomainStatus,
    HostFacts,
    HostStats,
)  # fmt: skip
from tests.telemetry.collecting import FAST, add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)

RUNNING = DomainStatus(state=DomainState.RUNNING, reason="boot\x00ed")


class OddDriver:
    """One host with one domain, both of which say what they should not."""

    uri = "sim://odd/"

    def __init__(self) -> None:
        self.facts = HostFacts(
            uuid="11111111-2222-3333-4444-555555555555", hostname="odd\x00" + "x" * 400, libvirt_version="9" * 60,
            qemu_version="", cpu_model="\ud800", cpu_arch="", cpus=-4, memory_bytes=2**70,
            machine_types=frozenset({"pc\x00", "m" * 100, ""}), manufacturer="\x00",
        )  # fmt: skip
        self.guest = DomainFacts(
            uuid="AAAAAAAA-2222-3333-4444-555555555555", name="名前\x00\n" + "n" * 400, status=RUNNING,
            persistent=False, vcpus=0, memory_bytes=-1, max_memory_bytes=2**70, virt_type="", machine="",
            description="a\x00b", xml="<domain>\x00",
            disks=tuple(Disk(target=f"vd\x00{number}", kind="") for number in range(300)),
        )  # fmt: skip
        self.nameless = DomainFacts(
            uuid="not a uuid", name="", status=RUNNING, persistent=True, vcpus=1, memory_bytes=1, max_memory_bytes=1,
            virt_type="", machine="",
        )  # fmt: skip
        self.dirty: DirtyRate | None = None
        self.late = 0

    def close(self) -> None: ...

    def alive(self) -> bool:
        return True

    def host_facts(self) -> HostFacts:
        return self.facts

    def host_stats(self) -> HostStats:
        raise Unsupported("this hypervisor has no such figures")

    def domains(self) -> list[DomainFacts]:
        return [self.guest, self.nameless]

    def domain(self, uuid: str) -> DomainFacts:
        return self.guest

    def domain_status(self, uuid: str) -> DomainStatus:
        return RUNNING

    def domain_stats(self) -> list[DomainStats]:
        if self.late:
            self.late -= 1
            raise HostTimeout("late")
        nan = float("nan")
        odd = DomainStats(
            uuid=self.guest.uuid, name="", at=datetime.now(tz=UTC), status=RUNNING, cpu_time_s=nan, vcpus=0,
            rss_bytes=2**70, balloon_bytes=-5, net_rx_bytes=-3, dirty_rate=self.dirty,
        )  # fmt: skip
        return [odd, DomainStats(uuid="", name="", at=datetime.now(tz=UTC), status=RUNNING)]

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None: ...


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> OddDriver:
    driver = OddDriver()
    monkeypatch.setattr(calls, "connect", lambda _uri, deadline_s: driver)
    return driver


def test_it_stores_what_can_be_stored(odd: OddDriver) -> None:
    add("odd")
    with collecting():
        all_up("odd")
        until(lambda: VM.objects.filter(figures_at__isnull=False).exists(), what="figures")
        WALL.sleep(1.5)
        assert host("odd").state == HostState.UP
    row, guest = host("odd"), VM.objects.get()
    assert (len(row.hostname), row.cpus, row.memory_bytes, row.cpu_model) == (253, None, 2**63 - 1, "")
    assert guest.name.startswith("名前 n")
    assert (guest.state, guest.reason, guest.vcpus, guest.memory_bytes) == (VMState.UP, "booted", 1, 0)
    assert (len(guest.disks), guest.xml, guest.cpu_percent, guest.rss_bytes) == (200, "<domain>", None, 2**63 - 1)
    assert row.cpu_percent is None


def test_it_keeps_a_dirty_rate_that_anybody_measured(odd: OddDriver) -> None:
    add("odd")
    with collecting():
        all_up("odd")
        odd.dirty = DirtyRate(bytes_per_s=48e6, period_s=1.0, at=datetime.now(tz=UTC))
        until(lambda: VM.objects.get().dirty_rate == 48e6, what="the rate")
    assert VM.objects.get().dirty_rate_at == odd.dirty.at


def test_it_does_not_give_up_a_host_for_one_late_answer(odd: OddDriver) -> None:
    add("odd")
    with collecting():
        all_up("odd")
        odd.late = 2
        until(lambda: odd.late == 0, what="two late answers")
        WALL.sleep(0.3)
        assert host("odd").state == HostState.UP
        odd.late = 3
        until(lambda: host("odd").state == HostState.CONNECTING or host("odd").error, what="given up")
        until(lambda: host("odd").state == HostState.UP, what="back")


def test_it_goes_on_with_the_others_when_one_host_is_beyond_use(
    odd: OddDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = OddDriver()
    bad.domains = lambda: None  # type: ignore[method-assign,assignment,return-value]  # a driver with a bug
    monkeypatch.setattr(calls, "connect", lambda uri, deadline_s: bad if "bad" in uri else odd)
    bad.facts = HostFacts(
        uuid="99999999-2222-3333-4444-555555555555", hostname="bad", libvirt_version="", qemu_version="",
        cpu_model="", cpu_arch="", cpus=1, memory_bytes=1,
    )  # fmt: skip
    add("bad", "odd")
    with collecting(FAST):
        until(lambda: "could not use what the host said" in host("bad").error, what="the error")
        all_up("odd")
    assert vm(VM.objects.get().name).host.name == "odd"
