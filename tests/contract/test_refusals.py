"""Every driver, as a destination, gives the same checks the same names, each with a reason and a remedy."""

from dataclasses import replace

import pytest

from hosts.virt.records import DomainFacts, Nic
from tests.contract.conftest import Place
from tests.contract.test_what_is_there import NOBODY


def _checks(place: Place, domain: DomainFacts) -> set[str]:
    refusals = place.open(place.other_uri).refusals(domain)
    for refusal in refusals:
        assert refusal.reason.endswith(".")
        assert refusal.remedy
    return {refusal.check for refusal in refusals}


def test_a_host_like_its_own_takes_the_guest(moving: Place) -> None:
    assert _checks(moving, moving.guest()) == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"machine": "pc-q35-99.0"}, "machine_type"),
        ({"memory_bytes": 1 << 50, "max_memory_bytes": 1 << 50}, "memory"),
        ({"virt_type": "xen"}, "virt_type"),
        ({"nics": (Nic(kind="bridge", source="br-nowhere"),)}, "network"),
    ],
)
def test_it_refuses(moving: Place, change: dict[str, object], check: str) -> None:
    assert check in _checks(moving, replace(moving.guest(), **change))  # type: ignore[arg-type]


def test_it_takes_a_guest_in_user_mode(moving: Place) -> None:
    assert _checks(moving, replace(moving.guest(), nics=(Nic(kind="user"),))) == set()


def test_the_host_on_which_it_runs_refuses_a_second_copy(moving: Place) -> None:
    assert "uuid" in {refusal.check for refusal in moving.open().refusals(moving.guest())}


def test_a_host_refuses_a_name_that_another_guest_has(moving: Place) -> None:
    stranger = replace(moving.guest(), uuid=NOBODY)
    assert "name" in {refusal.check for refusal in moving.open().refusals(stranger)}
