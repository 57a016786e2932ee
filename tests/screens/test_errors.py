"""What cannot be shown is answered in our frame, in calm words."""

import pytest
from django.test import Client, RequestFactory

from datacenter.screens import errors
from tests.screens import factory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address",
    [
        "/nowhere",
        "/hosts/999",
        "/clusters/999",
        "/vms/6b8a2f1c-1111-4222-8333-944455556666",
        "/vms/not-a-uuid",
        "/migrations/999",
    ],
)
def test_it_says_what_is_not_there(otto: Client, address: str) -> None:
    answer = otto.get(address)
    page = answer.content.decode()
    assert answer.status_code == 404
    assert 'aria-label="Main"' in page
    assert "Not found" in page


@pytest.mark.parametrize("address", ["/hosts/{host}?tab=cellar", "/vms/{vm}?tab=cellar"])
def test_it_knows_no_other_tab(otto: Client, address: str) -> None:
    vm = factory.vm()
    answer = otto.get(address.format(host=vm.host_id, vm=vm.uuid))
    assert answer.status_code == 400
    assert "cellar" in answer.content.decode()


def test_it_tells_nothing_of_the_reason_when_it_fails_itself() -> None:
    answer = errors.server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Nothing was ordered" in answer.content.decode()


def test_it_shouts_nowhere(otto: Client) -> None:
    words = otto.get("/nowhere").content.decode()
    for loud in ("Oops", "error occurred", "Sorry"):
        assert loud not in words
