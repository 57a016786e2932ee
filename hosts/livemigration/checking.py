"""CHECKING: both hosts are asked whether the VM can move, and all that was found stays with the migration."""

from typing import TYPE_CHECKING

from hosts import feed
from hosts.livemigration import preflight
from hosts.livemigration.preflight import About, Case, Finding, Outcome, Proof
from hosts.models import Host, Migration
from hosts.virt.errors import NoSuchDomain
from hosts.virt.records import DomainState, JobType

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor


def at_source(it: "Supervisor") -> str:
    """Why the guest cannot leave its source, wherever it is to go; "" if it can. Raises VirtError."""
    row = it.row
    try:
        status = it.eyes.source.domain_status(it.eyes.uuid)
    except NoSuchDomain:
        return f"{row.vm} is not on {row.source} any more."
    if row.offline != (status.state is DomainState.SHUTOFF):
        now = "was started" if row.offline else "is down"
        return f"{row.vm} {now} since this was asked for. Ask again: it moves in another way now."
    if it.eyes.source.job_stats(it.eyes.uuid).type is JobType.RUNNING:
        return f"Another job is running on {row.vm} already."
    return ""


def refusals(it: "Supervisor") -> tuple[str, bool]:
    """Why not, in words, and whether another destination would change nothing; ("", False) if it can.

    Runs preflight on what both hosts say now and keeps all its findings. Raises VirtError.
    """
    if it.row.offline and (defined := _defined_there(it)):
        return defined, False
    findings = _ask(it)
    it.row.checks = [each.as_dict() for each in findings]
    Migration.objects.filter(pk=it.row.pk).update(checks=it.row.checks)
    feed.changed("migration", it.row.pk)
    found = [each for each in findings if each.outcome is Outcome.REFUSES]
    everywhere = any(each.about is not About.HOST for each in found)
    return " ".join(_say(it, each) for each in found), everywhere


def _defined_there(it: "Supervisor") -> str:
    """Why this destination is not the one: a definition of its own, of unknown age, would be overwritten.

    And of two definitions, after an answer was lost, nobody could say which is the one that moved.
    """
    try:
        it.eyes.destination.domain_status(it.eyes.uuid)
    except NoSuchDomain:
        return ""
    return f"{it.row.destination} has a definition of {it.row.vm} already. Undefine that one first."


def _ask(it: "Supervisor") -> tuple[Finding, ...]:
    row = it.row
    assert row.destination_id is not None
    # read anew: an administrator may have changed a host since the row was loaded
    ends = Host.objects.select_related("cluster__datacenter").in_bulk([row.source_id, row.destination_id])
    source, destination = ends[row.source_id], ends[row.destination_id]
    wishes = preflight.wishes({name: getattr(row, name) for name in _WISHES})
    _keep_arrival(row, preflight.from_rows(row.vm, destination, source=source, free_bytes=None, wishes=wishes))
    return preflight.ask(
        row.vm,
        source,
        destination,
        domain=it.eyes.source.domain(it.eyes.uuid),
        drivers=(it.eyes.source, it.eyes.destination),
        wishes=wishes,
        proof=preflight.proofs(source).get(destination.pk, Proof()),
    )


_WISHES = (
    "postcopy_allowed", "auto_converge", "xbzrle", "parallel", "tls", "copy_disks", "zero_copy", "policy",
    "arrives_paused",
)  # fmt: skip


def _keep_arrival(row: Migration, case: Case) -> None:
    """The policy's word on how the guest arrives, for this destination; post-copy does not go with it (code 74)."""
    if not preflight.arrives_paused(case):
        return
    row.arrives_paused, row.postcopy_allowed = True, False
    Migration.objects.filter(pk=row.pk).update(arrives_paused=True, postcopy_allowed=False)


def _say(it: "Supervisor", finding: Finding) -> str:
    if finding.about is About.HOST:
        return f"{it.row.destination} cannot take it: {finding.sentence}"
    return finding.sentence
