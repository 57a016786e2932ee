"""The queue on the screens: it …"""

from collections.abc import Callable

import pytest
from django.test import Client

from datacenter.models import AuditEntry
from hosts.livemigration.admission import admit_now
from hosts.livemigration.request import request_migration
from hosts.models import Cluster, DataCenter, Migration
from tests.factory import GIB, make_host, make_migration, make_vm

GIVEN = {"most_out": 3, "most_in": 4, "most_at_once": 9, "most_on_network": 20}


def test_it_sets_the_limits_of_a_cluster_and_starts_what_waited(as_: Callable[[str], Client]) -> None:
    source, destination = make_host(), make_host()
    for _ in range(5):
        request_migration(make_vm(host=source), destination, actor="ann")
    admit_now()
    cluster = source.cluster
    answer = as_("ada").post(f"/clusters/{cluster.pk}/limits", GIVEN)
    assert answer.status_code == 302
    cluster.refresh_from_db()
    assert (cluster.most_out, cluster.most_in, cluster.most_at_once) == (3, 4, 9)
    assert DataCenter.objects.get().most_on_network == 20
    assert AuditEntry.objects.get().verb == "set_limits"
    admit_now()
    assert Migration.objects.filter(state="checking").count() == 3


def test_it_refuses_limits_to_one_who_does_not_administer(as_: Callable[[str], Client]) -> None:
    cluster = make_host().cluster
    answer = as_("otto").post(f"/clusters/{cluster.pk}/limits", GIVEN, follow=True)
    assert "may not set limits" in answer.content.decode()
    assert Cluster.objects.get().most_out == 2


@pytest.mark.parametrize("wrong", ["0", "-1", "1001", "many", ""])
def test_it_refuses_a_limit_that_makes_no_sense(as_: Callable[[str], Client], wrong: str) -> None:
    cluster = make_host().cluster
    answer = as_("ada").post(f"/clusters/{cluster.pk}/limits", GIVEN | {"most_in": wrong}, follow=True)
    assert "Received by one host" in answer.content.decode()
    assert Cluster.objects.get().most_out == 2


def test_it_names_the_migration_network_and_waits_for_it_by_name(as_: Callable[[str], Client]) -> None:
    source = make_host()
    named = {"migration_network": "mig-10g", "migration_subnet": "10.78.0.7/24", "most_on_network": 1}
    as_("ada").post(f"/clusters/{source.cluster.pk}/limits", GIVEN | named)
    home = DataCenter.objects.get()
    assert (home.migration_network, home.migration_subnet) == ("mig-10g", "10.78.0.0/24")
    as_("ada").post(f"/clusters/{source.cluster.pk}/limits", GIVEN | {"most_on_network": 1})
    assert DataCenter.objects.get().migration_network == "mig-10g", "what a form does not hold it does not change"
    for _ in range(2):
        request_migration(make_vm(host=source), make_host(), actor="ann")
    admit_now()
    waits = Migration.objects.get(state="queued").waits_for
    assert waits == "the migration network mig-10g already carries 1 of 1"


def test_it_refuses_a_subnet_that_is_none(as_: Callable[[str], Client]) -> None:
    cluster = make_host().cluster
    wrong = GIVEN | {"migration_subnet": "10.78.0.0/99"}
    assert "is no subnet" in as_("ada").post(f"/clusters/{cluster.pk}/limits", wrong, follow=True).content.decode()
    assert DataCenter.objects.get().migration_subnet == ""


def test_it_shows_place_and_reason_in_the_list_and_on_the_page(otto: Client) -> None:
    migration = make_migration(queue_place=3, waits_for="h2 already receives 2 of 2")
    words = "3rd in line; h2 already receives 2 of 2."
    assert words in otto.get("/migrations").content.decode()
    assert f"Queued: {words}" in otto.get(f"/migrations/{migration.pk}").content.decode()


def test_it_shows_the_tries_as_a_chain(otto: Client) -> None:
    first = make_migration(state="failed", because="t2 cannot take it: no memory.")
    second = make_migration(first.vm, retry_of=first, attempt=2)
    page = otto.get(f"/migrations/{second.pk}").content.decode()
    assert "2nd try." in page
    assert f'href="/migrations/{first.pk}"' in page
    assert "t2 cannot take it: no memory." in page
    assert f'href="/migrations/{second.pk}"' in otto.get(f"/migrations/{first.pk}").content.decode()
    assert "2nd try" in otto.get("/migrations").content.decode()


def test_it_shows_what_would_go_where_and_moves_it_with_one_button(otto: Client) -> None:
    source, other = make_host(), make_host("roomy")
    small, huge = make_vm("small", host=source), make_vm("huge", host=source, memory_bytes=900 * GIB)
    make_vm("off", host=source, state="down")
    page = otto.get(f"/hosts/{source.pk}/migrate").content.decode()
    assert "roomy" in page
    assert "No host can take it." in page
    assert "off" not in page.split("<tbody>")[1].split("</tbody>")[0]
    assert "Migrate 1 VM" in page
    answer = otto.post(f"/hosts/{source.pk}/migrate", follow=True)
    assert "1 of 2 migrations were ordered." in answer.content.decode()
    migration = Migration.objects.get()
    assert (migration.vm, migration.destination, migration.priority) == (small, other, "person")
    assert AuditEntry.objects.get(refused=True).name == str(huge)


def test_it_moves_nothing_for_one_who_may_only_look(as_: Callable[[str], Client]) -> None:
    source = make_host()
    make_host()
    make_vm(host=source)
    as_("vera").post(f"/hosts/{source.pk}/migrate")
    assert not Migration.objects.exists()
