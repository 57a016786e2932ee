"""manage.py verifyaudit …"""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from hosts.chain import heads
from hosts.chain.sealing import head, seal_some
from hosts.models import Event

pytestmark = pytest.mark.django_db
Sealed = Callable[[int], list[Event]]
Owner = Callable[[str], None]


def verify(*args: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verifyaudit", *args, stdout=out)
    except SystemExit as exc:
        return int(exc.code or 0), out.getvalue()
    return 0, out.getvalue()


def keep_head() -> None:
    found = head()
    assert found is not None
    heads.write(found)


def test_it_finds_nothing_where_nothing_was_done(sealed: Sealed) -> None:
    sealed(5)
    keep_head()
    Event.objects.create(noun="host", name="h1", actor="ann")
    code, said = verify()
    assert code == 0
    assert said.startswith("5 entries up to number 5; 1 wait for their seal")


@pytest.mark.parametrize(
    "change",
    [
        "because = 'tag 9'",
        "actor = 'ben'",
        "at = at - interval '1 hour'",
        "after = '{\"n\": 1}'",
        "severity = 'error'",
        "vm_pk = 3",
    ],
)
def test_it_names_the_entry_that_was_changed(sealed: Sealed, owner: Owner, change: str) -> None:
    sealed(5)
    owner(f"UPDATE hosts_event SET {change} WHERE number = 3")
    code, said = verify()
    assert code == 1
    assert said.splitlines()[0].startswith("Entry 3 was changed: host")
    assert "Entry 4" not in said


def test_it_names_entries_that_were_removed(sealed: Sealed, owner: Owner) -> None:
    sealed(6)
    owner("DELETE FROM hosts_event WHERE number IN (2, 3, 5)")
    assert verify() == (
        1,
        "Entries 2 to 3 were removed.\nEntry 5 was removed.\n3 entries up to number 6; no head is kept.\n",
    )


def test_it_names_an_entry_that_was_put_in_between(sealed: Sealed, owner: Owner) -> None:
    sealed(5)
    owner("UPDATE hosts_event SET number = -number - 1 WHERE number >= 3")
    owner("UPDATE hosts_event SET number = -number WHERE number < 0")
    forged = Event.objects.create(noun="host", name="h1", actor="ann", because="always was so")
    owner(f"UPDATE hosts_event SET number = 3, seal = repeat('a', 64) WHERE id = {forged.pk}")
    code, said = verify()
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("Entry")] == ["Entry 3 was inserted: host h1: ."]


def test_it_misses_the_newest_entries_when_their_head_was_kept(sealed: Sealed, owner: Owner) -> None:
    sealed(5)
    keep_head()
    owner("DELETE FROM hosts_event WHERE number > 3")
    code, said = verify()
    assert code == 1
    assert said.startswith("Entries 4 to 5 were removed.")


def test_it_sees_a_chain_that_was_written_anew(sealed: Sealed, owner: Owner) -> None:
    sealed(4)
    keep_head()
    owner("UPDATE hosts_event SET because = 'tag 9' WHERE number = 2")
    owner("UPDATE hosts_event SET number = NULL, seal = ''")
    assert seal_some() == 4
    code, said = verify()
    assert code == 1
    assert said.startswith("Entry 4 had another seal when its head was kept")


def test_it_begins_where_it_is_told(sealed: Sealed, owner: Owner) -> None:
    sealed(5)
    owner("UPDATE hosts_event SET actor = 'ben' WHERE number = 2")
    assert verify("--from", "3")[0] == 0
    owner("UPDATE hosts_event SET actor = 'ben' WHERE number = 4")
    assert verify("--from", "4")[1].startswith("Entry 4 was changed")
