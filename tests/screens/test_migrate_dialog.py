"""The migrate dialog: candidates with reasons, the order, and refusals that keep what was typed."""

import re

import pytest
from django.test import Client

from hosts.models import VM, Host, Migration
from hosts.states import HostState, VMState
from tests.screens import factory

pytestmark = pytest.mark.django_db
GIB = 2**30
HTMX = {"HX-Request": "true"}


@pytest.fixture
def place() -> tuple[VM, Host, Host]:
    """A VM on h1; h2 has room, h3 is in maintenance."""
    home = factory.cluster()
    h1, h2 = factory.host("h1", in_cluster=home), factory.host("h2", in_cluster=home)
    h3 = factory.host("h3", in_cluster=home, state=HostState.MAINTENANCE.value)
    return factory.vm("web", on=h1, memory_bytes=4 * GIB), h2, h3


def test_it_has_the_best_host_picked_and_the_reason_beside_each_other(otto: Client, place: tuple) -> None:
    page = otto.get(f"/vms/{place[0].uuid}/migrate", headers=HTMX).content.decode()
    assert "<html" not in page
    assert re.search(r'value="best" checked>', page)
    assert "h2 now" in page
    assert "92 GiB free after" in page
    assert "The VM is on this host." in page
    assert "maintenance" in page
    assert page.count("disabled>") == 2


def test_it_is_a_page_of_its_own_without_javascript(otto: Client, place: tuple) -> None:
    assert "<html" in otto.get(f"/vms/{place[0].uuid}/migrate").content.decode()


def test_it_orders_the_migration_to_the_best_host_and_leads_to_it(otto: Client, place: tuple) -> None:
    answer = otto.post(
        f"/vms/{place[0].uuid}/migrate", {"destination": "best", "postcopy_allowed": "yes"}, headers=HTMX
    )
    made = Migration.objects.get()
    assert answer["HX-Redirect"] == f"/migrations/{made.pk}"
    assert (made.destination, made.postcopy_allowed, made.bandwidth, made.requested_by) == (
        place[1],
        True,
        None,
        "otto",
    )


def test_it_passes_the_options_in_the_units_of_the_order(otto: Client, place: tuple) -> None:
    given = {
        "destination": str(place[1].pk),
        "bandwidth_mib": "100",
        "max_downtime_ms": "250",
        "auto_converge": "yes",
        "postcopy_allowed": "no",
    }
    assert otto.post(f"/vms/{place[0].uuid}/migrate", given).status_code == 302
    made = Migration.objects.get()
    assert (made.bandwidth, made.max_downtime_ms) == (100 * 2**20, 250)
    assert (made.auto_converge, made.postcopy_allowed) == (True, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bandwidth_mib", "fast"),
        ("bandwidth_mib", "-3"),
        ("bandwidth_mib", "0"),
        ("max_downtime_ms", "1e9"),
        ("max_downtime_ms", "99999999999"),
    ],
)
def test_it_keeps_what_was_typed_and_opens_the_options(otto: Client, place: tuple, field: str, value: str) -> None:
    given = {"destination": str(place[1].pk), field: value, "auto_converge": "yes"}
    answer = otto.post(f"/vms/{place[0].uuid}/migrate", given, headers=HTMX)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="{value}"' in page
    assert "<details open>" in page
    assert f'value="{place[1].pk}" checked' in page
    assert not Migration.objects.exists()


def test_it_says_why_a_picked_host_cannot(otto: Client, place: tuple) -> None:
    for destination in (place[2].pk, place[0].host_id, 999_999, "h2", ""):
        answer = otto.post(f"/vms/{place[0].uuid}/migrate", {"destination": str(destination)}, headers=HTMX)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
    assert not Migration.objects.exists()


def test_it_refuses_a_second_one_and_a_vm_that_is_down(otto: Client, place: tuple) -> None:
    factory.migration(place[0], place[1])
    down = factory.vm("down", on=place[1], state=VMState.DOWN.value)
    for vm in (place[0], down):
        assert otto.post(f"/vms/{vm.uuid}/migrate", {"destination": "best"}, headers=HTMX).status_code == 422
    assert Migration.objects.count() == 1


def test_it_refuses_one_who_only_views(vera: Client, place: tuple) -> None:
    assert vera.post(f"/vms/{place[0].uuid}/migrate", {"destination": "best"}, headers=HTMX).status_code == 403
    assert not Migration.objects.exists()


def test_it_says_so_when_nobody_can(otto: Client) -> None:
    page = otto.get(f"/vms/{factory.vm().uuid}/migrate", headers=HTMX).content.decode()
    assert "No host can take it" in page
    assert re.search(r'class="btn primary" disabled', page)


def test_it_knows_no_vm_that_vanished_between_page_and_click(otto: Client) -> None:
    gone = "6b8a2f1c-1111-4222-8333-944455556666"
    assert otto.get(f"/vms/{gone}/migrate", headers=HTMX).status_code == 404
    answer = otto.post(f"/vms/{gone}/migrate", {"destination": "best"}, headers=HTMX)
    assert answer.status_code == 404
    assert answer["HX-Retarget"] == "#toasts"  # the page one stands on is not lost
    assert "<html" not in answer.content.decode()
