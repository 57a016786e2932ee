"""Names in any script, and names that attack: shown as they are, never run."""

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.models import MaintenancePolicy, WindowRun
from hosts.models import Transition
from tests.maintenance.drafts import make_policy
from tests.screens import factory
from tests.screens.pages import addresses

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", factory.HOSTILE)
def test_it_shows_every_page_with_this_name_and_runs_none_of_it(otto: Client, name: str) -> None:
    home = factory.cluster(name[:80], name[:80])
    host = factory.host(name, in_cluster=home, error=name, hostname=name, networks=[name[:100]])
    xml = f"<domain><name>{name}</name><script>alert(2)</script></domain>"
    disks = [{"target": name, "kind": "file", "device": "disk", "source": name}]
    vm = factory.vm(
        name, on=host, title=name, description=name, xml=xml, disks=disks, nics=[{"kind": name, "source": name}]
    )
    factory.migration(vm, factory.host("other", in_cluster=home), requested_by=name[:150])
    made = make_policy(home, description=name[:500])
    MaintenancePolicy.objects.update(name=name[:80], made_by=name[:150])
    WindowRun.objects.create(policy=made, starts_at=timezone.now(), ends_at=timezone.now(), outcome=name[:500])
    for noun, row in (("vm", vm), ("host", host)):
        Transition.objects.create(noun=noun, row=row.pk, name=name, old="up", new=name, because=name, actor=name[:150])
    for page, address in addresses().items():
        answer = otto.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200, page
        assert "<script>alert" not in text, page
        assert "<img src=x" not in text, page


def test_it_keeps_a_hostile_search_out_of_the_markup(otto: Client) -> None:
    text = otto.get("/vms", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in text
    assert "&quot;&gt;&lt;script&gt;" in text
