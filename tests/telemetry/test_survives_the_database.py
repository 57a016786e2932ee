"""The database goes away and comes back: the collector goes on, and what happened meanwhile is seen."""

import pytest
from django.db import connection

from hosts.states import VMState
from hosts.virt.clock import WALL
from hosts.virt.sim import faults
from hosts.virt.sim.world import World
from tests.telemetry.collecting import NO_BEAT, add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)


def end_other_sessions() -> None:
    """What a restart of PostgreSQL does to everybody but this test."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_it_loses_nothing_of_what_happened_while_the_database_was_away(world: World) -> None:
    add("h1", "h3")
    with collecting(NO_BEAT):
        all_up("h1", "h3")
        end_other_sessions()
        with world.present():
            faults.crash_guest(world, str(vm("busy").uuid))
        until(lambda: vm("busy").state == VMState.CRASHED, what="crashed")
        for _ in range(3):
            end_other_sessions()
            WALL.sleep(0.1)
        with world.present():
            faults.crash_guest(world, str(vm("wild").uuid))
        until(lambda: vm("wild").state == VMState.CRASHED, what="crashed")
        assert host("h1").state == host("h3").state == "up"
        assert host("h1").lease_holder
