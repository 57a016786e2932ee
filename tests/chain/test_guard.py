"""The trigger on events …"""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from hosts.models import Event

pytestmark = pytest.mark.django_db
Sealed = Callable[[int], list[Event]]


@pytest.mark.parametrize("doing", ["", "sealing", "anything"])
def test_it_refuses_to_change_or_delete_an_entry(sealed: Sealed, doing: str) -> None:
    entry = sealed(1)[0]
    rows = Event.objects.filter(pk=entry.pk)
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        tried(doing, lambda: rows.update(because="nothing happened"))
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        tried(doing, rows.delete)
    assert rows.get().because == "tag 0"


def test_it_refuses_the_retention_to_change_one(sealed: Sealed) -> None:
    rows = Event.objects.filter(pk=sealed(1)[0].pk)
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        tried("retention", lambda: rows.update(actor="ben"))


@pytest.mark.parametrize("change", [{"number": 7, "actor": "ben"}, {"because": "x"}])
def test_it_refuses_the_sealing_to_change_anything_but_number_and_seal(change: dict[str, object]) -> None:
    fresh = Event.objects.create(noun="host", name="h1", actor="ann")
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        tried("sealing", lambda: Event.objects.filter(pk=fresh.pk).update(**change))


def test_it_refuses_to_seal_an_entry_twice(sealed: Sealed) -> None:
    entry = sealed(1)[0]
    with pytest.raises(DatabaseError, match="never changed or deleted"):
        tried("sealing", lambda: Event.objects.filter(pk=entry.pk).update(seal="0" * 64))


def test_it_forgets_the_permission_at_the_end_of_the_sealing(sealed: Sealed) -> None:
    sealed(1)
    fresh = Event.objects.create(noun="host", name="h1", actor="ann")
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        Event.objects.filter(pk=fresh.pk).update(number=2)


def tried(doing: str, change: Callable[[], object]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('godwit.events', %s, true)", [doing])
        change()
