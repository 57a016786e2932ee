"""Queries against rows: what each kind of field finds, what is refused, and that every field can be asked."""

import contextlib
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datacenter.models import Plan, PlanHost
from datacenter.search import VOCABULARIES, QueryError, apply
from datacenter.search.fields import Field
from hosts.models import VM, Cluster, DataCenter, Event, Host, Migration
from hosts.states import VMState
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db

MODELS = {
    "vm": VM,
    "host": Host,
    "cluster": Cluster,
    "datacenter": DataCenter,
    "migration": Migration,
    "plan": Plan,
    "event": Event,
}


@pytest.fixture
def house() -> None:
    red, blue = make_cluster("red"), make_cluster("blue", datacenter="Other")
    h1 = make_host(
        "h1", cluster=red, tags=["rack-7", "Fast"], cpu_percent=10.0, uuid="aaaa0000-0000-0000-0000-000000000001"
    )
    h12 = make_host("h12", cluster=red, cpu_percent=90.0, memory_free_bytes=GIB)
    b1 = make_host("b1", cluster=blue, tags=["rack-8"], cpu_percent=None)
    now = timezone.now()
    make_vm(
        "web1",
        host=h1,
        cpu_percent=81.0,
        memory_bytes=8 * GIB,
        memory_used_bytes=4 * GIB,
        up_since=now - timedelta(days=4),
    )
    make_vm("web_2", host=h12, cpu_percent=20.0, state=VMState.PAUSED.value, title="Shop of % things")
    make_vm("db", host=b1, state=VMState.DOWN.value, up_since=None, cpu_percent=None, autostart=True)
    make_migration(
        VM.objects.get(name="web1"), destination=h12, requested_by="ada", requested_at=now - timedelta(hours=3)
    )


def names(noun: str, text: str) -> list[str]:
    return [str(row) for row in apply(noun, text, MODELS[noun].objects.order_by("name"))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["db", "web1", "web_2"]),
        ("web", ["web1", "web_2"]),
        ("WEB h12", ["web_2"]),
        ("We", ["web1", "web_2"]),
        ("SH", ["web_2"]),
        ("é", []),
        ("%", ["web_2"]),
        ("_", ["web_2"]),
        ("shop", ["web_2"]),
        ("status = up", ["web1"]),
        ("state = Paused", ["web_2"]),
        ("status = p*", ["web_2"]),
        ("status != up", ["db", "web_2"]),
        ("status in (up, down)", ["db", "web1"]),
        ("status not in (up, down)", ["web_2"]),
        ("status = migrating", ["web1"]),
        ("status != migrating", ["db", "web_2"]),
        ("host = h1", ["web1"]),
        ("host = h1*", ["web1", "web_2"]),
        ('host = "h1*"', []),
        ("host ~ 1", ["db", "web1", "web_2"]),
        ("host !~ h", ["db"]),
        ("host = none", []),
        ("cluster = RED", ["web1", "web_2"]),
        ("datacenter = other", ["db"]),
        ("cpu > 80", ["web1"]),
        ("cpu > 80%", ["web1"]),
        ("not cpu > 80", ["db", "web_2"]),
        ("cpu = none", ["db"]),
        ("cpu != none", ["web1", "web_2"]),
        ("memory > 4GiB", ["web1"]),
        ("memory >= 4gb", ["db", "web1", "web_2"]),
        ("mem_usage >= 50", ["web1"]),
        ("uptime > 3d", ["web1"]),
        ("uptime < 1d12h", ["web_2"]),
        ("uptime = none", ["db"]),
        ("title = none", ["db", "web1"]),
        ("autostart = yes", ["db"]),
        ("since >= today and name = d*", ["db"]),
        ("since < yesterday", []),
        ("web or db", ["db", "web1", "web_2"]),
        ("(web or db) and not status = down", ["web1", "web_2"]),
        ("Vms: name = db", ["db"]),
        ("sortby memory desc, name desc", ["web1", "web_2", "db"]),
        ("sortby cpu", ["web_2", "web1", "db"]),
        ("sortby cpu desc", ["web1", "web_2", "db"]),
        ("sortby uptime desc", ["web1", "web_2", "db"]),
        ("sortby status", ["web1", "web_2", "db"]),
        ("sortby mem_usage desc", ["web1", "db", "web_2"]),
    ],
)
def test_it_finds_vms(house: None, text: str, found: list[str]) -> None:
    assert names("vm", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tag = rack-7", ["h1"]),
        ("tag = RACK-7", []),
        ("tag = rack-*", ["b1", "h1"]),
        ("tag ~ FAST", ["h1"]),
        ("tag != rack-7", ["b1", "h12"]),
        ("tag = none", ["h12"]),
        ("rack-8", ["b1"]),
        ("vms > 0", ["h1", "h12"]),
        ("vms = 0", ["b1"]),
        ("mem_usage > 95", ["h12"]),
        ("uuid = aaaa*", ["h1"]),
        ("uuid = aaaa0000-0000-0000-0000-000000000001", ["h1"]),
        ("uuid ~ aaaa", ["h1"]),
        ("sortby vms desc, name", ["h1", "h12", "b1"]),
    ],
)
def test_it_finds_hosts(house: None, text: str, found: list[str]) -> None:
    assert names("host", text) == found


def test_it_finds_migrations_and_clusters_and_plans(house: None) -> None:
    moved = Migration.objects.all()
    for text in ("vm = web*", "from = h1 and to = h12", "by = ada", "web", "h12", "requested < -2h", "requested > -4h"):
        assert apply("migration", text, moved).count() == 1, text
    for text in ("to = b1", "requested > -2h", "ended != none", "status = done"):
        assert apply("migration", text, moved).count() == 0, text
    assert names("cluster", "hosts = 2 and vms = 2") == ["red"]
    assert names("datacenter", "other") == ["Other"]
    plan = Plan.objects.create(title="Boards", made_by="ada")
    for host in Host.objects.all():
        PlanHost.objects.create(plan=plan, host=host)
    plans = Plan.objects.all()
    assert [each.title for each in apply("plan", "host = h* and by = ada", plans)] == ["Boards"]  # once
    assert apply("plan", "host = h*", plans).filter(hosts__host__name="b1").exists()
    assert not apply("plan", "not host = b1", plans).exists()
    assert apply("plan", "h12", plans).count() == 1


@pytest.mark.parametrize(
    ("text", "position", "length", "sentence"),
    [
        (
            "cpuu > 3",
            0,
            4,
            "There is no field “cpuu”: cpu, vcpus, uuid, name, status, host, cluster, datacenter …",
        ),
        ("status = sleepy", 9, 6, None),
        ("name < b", 5, 1, "“<” does not go with name, which has = != ~ !~."),
        ("cpu > lots", 6, 4, "“lots” is no number, such as 80."),
        ("memory > 4", 9, 1, "“4” is no size, such as 4GiB."),
        ("uptime > x", 9, 1, "“x” is no length of time, such as 3d, 12h, 1d12h."),
        ("since > soon", 8, 4, None),
        ("autostart = perhaps", 12, 7, "autostart is yes or no."),
        ("uuid = xyz", 7, 3, None),
        ("name = a*b*c*d*e*", 7, 10, "A value has at most 4 of “*”."),
        ("sortby colour", 7, 6, None),
        ("sortby tag", 7, 3, None),
        ("  Vms: cpuu > 3", 7, 4, None),
    ],
)
def test_it_says_which_word_makes_no_sense(text: str, position: int, length: int, sentence: str | None) -> None:
    with pytest.raises(QueryError) as caught:
        apply("vm", text, VM.objects.all())
    assert (caught.value.position, caught.value.length) == (position, length)
    assert sentence is None or caught.value.sentence == sentence


def _every() -> list[tuple[str, Field]]:
    return [(noun, field) for noun, words in VOCABULARIES.items() for field in words.fields]


@pytest.mark.parametrize(("noun", "field"), _every(), ids=lambda each: getattr(each, "name", each))
def test_it_can_ask_every_field_with_each_of_its_operators(noun: str, field: Field) -> None:
    rows = MODELS[noun].objects.all()
    example = next(iter(field.words), field.kind.example)
    for operator in field.kind.operators:
        list(apply(noun, f"{field.name} {operator} {example}", rows))
    list(apply(noun, f"{field.name} = none", rows))
    if field.can_sort:
        list(apply(noun, f"sortby {field.name} desc", rows))


@pytest.mark.parametrize("noun", VOCABULARIES)
def test_it_gives_no_two_fields_of_a_noun_one_name(noun: str) -> None:
    said = [name for field in VOCABULARIES[noun].fields for name in (field.name, *field.aliases)]
    assert len(said) == len(set(said))


_OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", "!~"])
_VALUES = st.text(max_size=12).map(lambda text: '"' + text.replace("\\", "").replace('"', "") + '"') | st.sampled_from(
    [
        "none",
        "*",
        "a*",
        "9" * 17,
        "-1",
        "0.5",
        "4GiB",
        "9999999999999PiB",
        "3d",
        "9" * 16 + "y",
        "today",
        "-9999y",
        "1900-01-01",
        "2900-01-01T00:00Z",
        "migrating",
        "yes",
        "%",
    ]
)
_WORDS = st.sampled_from(_every()).flatmap(
    lambda each: st.tuples(st.just(each[0]), st.builds("{} {} {}".format, st.just(each[1].name), _OPERATORS, _VALUES))
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_WORDS)
def test_it_asks_the_database_nothing_that_this_would_refuse(db: None, asked: tuple[str, str]) -> None:
    noun, text = asked
    with contextlib.suppress(QueryError):
        list(apply(noun, text, MODELS[noun].objects.all())[:1])
