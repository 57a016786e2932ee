"""What the guardian writes down: each act with its reason before it is done, and how it ended."""

from django.db import transaction

from hosts import feed
from hosts.advance import note
from hosts.livemigration.guardian.arbiter import Act
from hosts.models import Migration, Transition

#: the actor of its notes, and their field: ``new`` is the act, ``old`` "short" where the split was short
GUARDIAN = "Godwit's guardian"
FIELD = "guardian"
SHORT = "short"

#: act -> what it is called in the log; completed by the host's name
WORDS: dict[Act, str] = {
    Act.SUSPEND_SOURCE: "Suspended the copy on {source}",
    Act.END_SOURCE: "Ended the old copy on {source}",
    Act.RESUME_SOURCE: "Resumed the guest on {source}",
    Act.END_DESTINATION: "Ended the unfinished copy on {destination}",
    Act.RESUME_DESTINATION: "Let the guest go on on {destination}",
    Act.ABORT: "Took the guest back to {source}",
    Act.PAUSE_POSTCOPY: "Paused post-copy",
    Act.RESUME_POSTCOPY: "Asked post-copy to go on",
}


def of_act(migration: Migration, act: Act, *, because: str, short: bool) -> None:
    """Write it down before it is done: who reads the row afterwards finds the reason."""
    words = WORDS[act].format(source=migration.source, destination=migration.destination)
    with transaction.atomic():
        old = SHORT if short else ""
        note(migration, field=FIELD, old=old, new=str(act), because=f"{words}. {because}", actor=GUARDIAN)
        feed.changed("migration", migration.pk)
        feed.changed("vm", migration.vm_id)


def of_failure(migration: Migration, act: Act, *, error: str) -> None:
    """It was not done, and why."""
    because = f"{WORDS[act].format(source=migration.source, destination=migration.destination)}: no. {error}"
    with transaction.atomic():
        note(migration, field=FIELD, old="", new=f"{act}_failed", because=because, actor=GUARDIAN)
        feed.changed("migration", migration.pk)


def was_done(migration: Migration, act: Act, *, old: str | None = None) -> bool:
    """Whether the guardian did it for this migration."""
    rows = Transition.objects.filter(noun="migration", row=migration.pk, field=FIELD, new=str(act))
    return (rows if old is None else rows.filter(old=old)).exists()


def taken_back(migration: Migration) -> str:
    """Why the guardian aborted this hand-over; "" where it did not."""
    rows = Transition.objects.filter(noun="migration", row=migration.pk, field=FIELD, new=str(Act.ABORT))
    return rows.values_list("because", flat=True).order_by("-at").first() or ""
