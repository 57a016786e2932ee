"""A definition that a restarted daemon leaves on the source: it …"""

from hosts.livemigration.request import request_migration
from hosts.models import Migration, Transition
from hosts.states import MigrationState
from hosts.virt.records import DomainState, DomainStatus
from hosts.virt.sim.guest import Copy
from tests.livemigration.conftest import Place, walk

OFF = DomainStatus(state=DomainState.SHUTOFF, reason="migrated")


def arrive_and_leave(place: Place, *, persistent: bool = True) -> Migration:
    """The guest moves; when it runs there, and before the row says so, the source has a definition again."""
    migration = request_migration(place.vm, place.destination, actor="ann")
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.CONFIRMING)
    walk(supervisor, lambda: place.copies() == {"s2": "running"})
    with place.world.present():
        place.world.hosts["s1"].copies[place.guest.uuid] = Copy(guest=place.guest, status=OFF)
        place.world.hosts["s2"].copies[place.guest.uuid].persistent = persistent
    walk(supervisor)
    migration.refresh_from_db()
    return migration


def test_it_is_removed_once_the_guest_runs_on_the_destination(place: Place) -> None:
    migration = arrive_and_leave(place)
    assert migration.state == MigrationState.DONE
    assert place.copies() == {"s2": "running"}
    assert "had kept its definition" in Transition.objects.get(field="definition").because


def test_it_stays_where_the_destination_has_none_of_its_own(place: Place) -> None:
    migration = arrive_and_leave(place, persistent=False)
    assert migration.state == MigrationState.DONE
    assert place.copies() == {"s1": "shutoff", "s2": "running"}
