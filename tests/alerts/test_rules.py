"""A rule of the alerts …"""

from datetime import timedelta

import pytest

from datacenter.alerts import rules_hosts, rules_moves, rules_own
from datacenter.alerts.find import RULES, find
from datacenter.alerts.limits import STANDARD, Limits
from datacenter.alerts.records import Blocked, CertificateFact, DoubtFact, LoadFact, Own, PlanFact, UnknownVM
from datacenter.models import AlertKind
from hosts.models.event import Severity
from hosts.recording import Place
from tests.alerts.found import LIMITS, NOW, ago, facts, host, limits, migration, progress


def silent(pk: int = 1, **fields: object) -> object:
    return host(pk, state="non_responsive", state_since=ago(30), vms=12, **fields)


def test_it_finds_a_silent_host_and_says_what_may_run_there() -> None:
    [found] = rules_hosts.host_silent(facts(hosts=(silent(), host(2))), LIMITS)
    assert (found.key, found.severity) == (("host_silent", "host", 1), Severity.ERROR)
    assert found.sentence == "h1 does not answer. Its 12 VMs may be running."


def test_it_leaves_alone_a_host_that_a_person_has_switched_off() -> None:
    assert not list(rules_hosts.host_silent(facts(hosts=(silent(off=True),)), LIMITS))


def test_it_waits_as_long_as_the_cluster_says() -> None:
    patient = limits(AlertKind.HOST_SILENT, cluster=1, for_s=60)
    assert not list(rules_hosts.host_silent(facts(hosts=(silent(),)), patient))


def test_it_explains_unknown_vms_by_their_silent_host() -> None:
    vm = UnknownVM(pk=7, name="db", host=1, since=NOW, seen_at=ago(40))
    [found] = rules_hosts.vm_unknown(facts(hosts=(silent(),), unknown=(vm,)), LIMITS)
    assert found.cause == ("host_silent", "host", 1)
    assert found.place == Place(datacenter=1, cluster=1, host=1, vm=7)


def test_it_waits_a_minute_for_an_unknown_vm_whose_host_answers() -> None:
    fresh = UnknownVM(pk=7, name="db", host=1, since=ago(59), seen_at=None)
    old = UnknownVM(pk=8, name="web", host=1, since=ago(60), seen_at=None)
    found = list(rules_hosts.vm_unknown(facts(hosts=(host(),), unknown=(fresh, old)), LIMITS))
    assert [(each.pk, each.cause) for each in found] == [(8, None)]


@pytest.mark.parametrize("where", [{"state": "maintenance"}, {"state": "non_responsive", "off": True}])
def test_it_expects_nothing_of_hosts_that_are_meant_to_be_off(where: dict[str, object]) -> None:
    vm = UnknownVM(pk=7, name="db", host=1, since=ago(900), seen_at=None)
    assert not list(rules_hosts.vm_unknown(facts(hosts=(host(**where),), unknown=(vm,)), LIMITS))


def test_it_finds_each_open_doubt() -> None:
    doubt = DoubtFact(
        vm=7, name="db", first="h1", second="h2", because="Both run.", opened_at=ago(5), place=Place(vm=7)
    )
    [found] = rules_hosts.two_copies(facts(doubts=(doubt,)), LIMITS)
    assert (found.severity, "h1 and h2" in found.sentence) == (Severity.CRITICAL, True)


def load(*, least: float, now: float, seconds: float = 600) -> LoadFact:
    return LoadFact(host=host(), kind=AlertKind.CPU_HIGH, least=least, now=now, since=ago(seconds))


@pytest.mark.parametrize(
    ("told", "holds"),
    [
        (load(least=90, now=90), True),
        (load(least=89.9, now=99), False),  # one look below, and the time begins anew
        (load(least=95, now=95, seconds=300), False),  # not known for long enough
    ],
)
def test_it_wants_a_load_over_its_threshold_for_the_whole_time(told: LoadFact, holds: bool) -> None:
    assert bool(list(rules_hosts.loads(facts(loads=(told,)), LIMITS))) is holds


def test_it_holds_on_to_a_load_until_it_is_five_points_lower() -> None:
    held = frozenset({("cpu_high", "host", 1)})
    assert list(rules_hosts.loads(facts(loads=(load(least=40, now=86),), held=held), LIMITS))
    assert not list(rules_hosts.loads(facts(loads=(load(least=40, now=84.9),), held=held), LIMITS))


def test_it_says_nothing_that_ticks() -> None:
    told = [next(iter(rules_hosts.loads(facts(loads=(load(least=91, now=now),)), LIMITS))) for now in (91.5, 97.2)]
    assert told[0].sentence == told[1].sentence == "The CPUs are over 90 % in use on h1, for 10 min and more."


@pytest.mark.parametrize(
    ("days", "severity"), [(22, None), (20, Severity.WARNING), (2, Severity.ERROR), (-1, Severity.ERROR)]
)
def test_it_warns_of_a_certificate_in_time(days: int, severity: Severity | None) -> None:
    told = CertificateFact(host=host(), not_after=NOW + timedelta(days=days), subject="CN=h1", looked_at=NOW)
    found = list(rules_hosts.certificate_expires(facts(certificates=(told,)), LIMITS))
    assert [each.severity for each in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"progress": progress()}, None),
        ({"progress": progress(moved=500)}, "nothing has moved for 5 min"),
        ({"progress": progress(sampled_at=ago(400))}, "nothing has moved for 5 min"),
        ({"progress": progress(least=399)}, "has not shrunk for 5 min"),
        ({"progress": progress(least=391)}, None),  # 2 % are progress
        ({"progress": progress(moved=500), "started_at": ago(200)}, None),  # too young to tell
        ({"state": "probing", "since": ago(299)}, None),
        ({"state": "probing", "since": ago(300)}, "its hosts have not told since 01:55 UTC where it is"),
        ({"state": "postcopy_paused", "since": ago(1)}, "The guest stands still"),
    ],
)
def test_it_tells_a_migration_that_stands_still(fields: dict[str, object], words: str | None) -> None:
    found = list(rules_moves.migration_stalled(facts(migrations=(migration(**fields),)), LIMITS))
    assert bool(found) is (words is not None)
    assert words is None or words in found[0].sentence


def test_it_takes_a_standstill_in_postcopy_for_critical() -> None:
    row = migration(state="postcopy", progress=progress(moved=500))
    [found] = rules_moves.migration_stalled(facts(migrations=(row,)), LIMITS)
    assert found.severity is Severity.CRITICAL


def test_it_names_a_lost_migration() -> None:
    row = migration(state="lost", because="Neither host has it.", vm_state="Missing")
    [found] = rules_moves.migration_lost(facts(lost=(row,)), LIMITS)
    assert found.sentence == "db was lost on its way from h1 to h2. Neither host has it."


def blocked(hours: float | None, vm: int = 7) -> Blocked:
    at = NOW + timedelta(hours=hours) if hours is not None else None
    return Blocked(
        vm=vm, name="db", host="h1", why="A device is passed through.", remedy="Shut it down.", told="the plan “X”",
        place=Place(cluster=1, host=1, vm=vm), starts_at=at,
    )  # fmt: skip


def test_it_tells_of_a_vm_in_the_way_once_and_not_too_early() -> None:
    given = (blocked(71), blocked(None), blocked(73, vm=8))
    found = list(rules_moves.move_blocked(facts(blocked=given), LIMITS))
    assert [each.pk for each in found] == [7]


def plan(late_s: float) -> PlanFact:
    return PlanFact(
        pk=3, title="Kernel", place=Place(cluster=1), late_s=late_s, left_s=600.0, done=2, total=9,
        ends_at=NOW + timedelta(minutes=5),
    )  # fmt: skip


def test_it_tells_of_a_window_at_risk_and_lets_it_go_with_a_minute_to_spare() -> None:
    held = frozenset({("window_at_risk", "plan", 3)})
    assert not list(rules_moves.window_at_risk(facts(plans=(plan(-1),)), LIMITS))
    assert list(rules_moves.window_at_risk(facts(plans=(plan(-1),), held=held), LIMITS))
    assert not list(rules_moves.window_at_risk(facts(plans=(plan(-61),), held=held), LIMITS))
    [found] = rules_moves.window_at_risk(facts(plans=(plan(1000),)), LIMITS)
    assert found.sentence.startswith("Kernel ends about 15 min past the end of its window at this pace.")


def test_it_counts_the_hosts_that_nobody_listens_to() -> None:
    given = (host(1, unheard_since=ago(31)), host(2, unheard_since=ago(29)), host(3))
    [found] = rules_own.collector_silent(facts(hosts=given), LIMITS)
    assert found.sentence.startswith("Nobody listens to 1 host.")


@pytest.mark.parametrize("rule", [rules_own.worker_silent, rules_own.guardian_silent])
def test_it_blames_nobody_for_the_time_before_it_looked(rule: object) -> None:
    assert not list(rule(facts(watching_since=ago(29)), LIMITS))
    assert len(list(rule(facts(watching_since=ago(30)), LIMITS))) == 1
    heard = Own(worker_at=ago(5), guardian_at=ago(5))
    assert not list(rule(facts(own=heard), LIMITS))


def disk(used: int) -> Own:
    return Own(disk_free=100 - used, disk_total=100, disk_path="/var/lib/postgresql")


def test_it_warns_of_a_full_disk_where_one_can_be_seen() -> None:
    assert not list(rules_own.database_disk(facts(own=Own()), LIMITS))
    assert not list(rules_own.database_disk(facts(own=disk(84)), LIMITS))
    held = frozenset({("database_disk", "godwit", 0)})
    assert list(rules_own.database_disk(facts(own=disk(84), held=held), LIMITS))
    grave = [next(iter(rules_own.database_disk(facts(own=disk(used)), LIMITS))).severity for used in (85, 95)]
    assert grave == [Severity.WARNING, Severity.CRITICAL]


def test_it_compares_its_own_clock_with_the_databases() -> None:
    assert not list(rules_own.clock_skew(facts(own=Own(skew_s=1.9)), LIMITS))
    [found] = rules_own.clock_skew(facts(own=Own(skew_s=-4.2, machine="w1")), LIMITS)
    assert found.sentence == "The clock of w1 is 4 s behind the database's."


def test_every_kind_has_a_rule_a_standard_and_a_runbook() -> None:
    from datacenter.alerts.runbooks import FOLDER

    assert {kind for kinds, _ in RULES for kind in kinds} == set(AlertKind) == set(STANDARD)
    assert {path.stem for path in FOLDER.glob("*.md")} == {kind.value for kind in AlertKind}


def test_a_kind_that_is_switched_off_in_a_cluster_is_not_found_there() -> None:
    told = facts(hosts=(silent(), silent(2, place=Place(datacenter=1, cluster=2, host=2))))
    found, _ = find(told, limits(AlertKind.HOST_SILENT, cluster=1, enabled=False))
    assert [each.pk for each in found if each.kind is AlertKind.HOST_SILENT] == [2]


def test_a_rule_that_breaks_says_which_kinds_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise ValueError

    rules = tuple((kinds, broken if AlertKind.CPU_HIGH in kinds else rule) for kinds, rule in RULES)
    monkeypatch.setattr("datacenter.alerts.find.RULES", rules)
    found, unsaid = find(facts(hosts=(silent(),)), Limits())
    assert "host_silent" in {each.kind for each in found}
    assert unsaid == {"cpu_high", "memory_high"}


def test_a_runbook_leads_to_others_within_the_program() -> None:
    from datacenter.alerts import runbooks

    for kind in AlertKind:
        page = runbooks.read(kind)
        assert ".md" not in page, kind
        assert "<h2>What to do</h2>" in page, kind
