"""What a plan has done on its hosts …"""

import pytest
from django.contrib.auth.models import Group

from datacenter.access import SHELL
from datacenter.maintenance import plans
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import Plan, PlanStep, User
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import Host
from tests.factory import make_host
from tests.maintenance.steps.conftest import Keys, keys, sshd

__all__ = ["keys", "sshd"]

COMMAND = StepTerms(kind="command", params={"command": "uname -r"})
CONFIRM = StepTerms(kind="confirm", params={"text": "Done?"})


@pytest.fixture
def hosts(db: None) -> list[Host]:
    """The first is to be emptied; the second could take its VMs."""
    return [make_host(name, uri=f"qemu+tls://127.0.0.1:{port}/system") for name, port in (("h1", 1), ("h2", 2))]


@pytest.fixture
def otto(db: None, django_user_model: type[User]) -> User:
    user = django_user_model.objects.create_user("otto")
    user.groups.add(Group.objects.get_or_create(name="Operators")[0])
    return user


def make(user: object, hosts: list[Host], *steps: StepTerms) -> Plan:
    return plans.make_plan(user, hosts[:1], title="Update", reason="", terms=Terms(steps=steps))


def test_it_is_an_administrators_to_say(hosts: list[Host], otto: User, keys: Keys) -> None:
    with pytest.raises(Forbidden, match="Only an administrator"):
        make(otto, hosts, COMMAND)
    assert not Plan.objects.exists()
    assert make(SHELL, hosts, COMMAND).hosts.get().steps.get().kind == "command"


def test_it_may_be_what_asks_and_tells_by_an_operators_word(hosts: list[Host], otto: User) -> None:
    assert make(otto, hosts, CONFIRM).hosts.get().steps.get().kind == "confirm"


def test_it_may_stand_while_an_operator_changes_other_terms(hosts: list[Host], otto: User, keys: Keys) -> None:
    plan = make(SHELL, hosts, COMMAND)
    plans.change_terms(otto, plan, version=plan.version, terms=Terms(steps=(COMMAND,), drain_limit_minutes=60))
    other = StepTerms(kind="command", params={"command": "reboot now"})
    plan.refresh_from_db()
    with pytest.raises(Forbidden):
        plans.change_terms(otto, plan, version=plan.version, terms=Terms(steps=(other,)))
    assert PlanStep.objects.get().params == {"command": "uname -r"}


def test_it_is_refused_on_a_host_whose_key_is_not_known_and_nothing_is_saved(hosts: list[Host], keys: Keys) -> None:
    keys.write(known="")
    with pytest.raises(Refused, match="is not known") as refused:
        make(SHELL, hosts, CONFIRM, COMMAND)
    assert refused.value.field == "steps-1-command"
    assert not Plan.objects.exists()


def test_it_is_refused_where_it_makes_no_sense(hosts: list[Host]) -> None:
    with pytest.raises(Refused) as refused:
        make(SHELL, hosts, CONFIRM, StepTerms(kind="webhook", params={"url": "http://127.0.0.1/"}))
    assert refused.value.field == "steps-1-url"
