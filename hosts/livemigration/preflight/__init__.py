"""May this VM go there? A list of named checks, each passes, warns or refuses, with what fails and what would mend it.

Checks are pure and judge by what the collector stored (``from_rows``), so that a page never asks a hypervisor; the
worker runs the same list on what both hosts say right before the start (``ask``), with the destination's own refusals.
"""

from hosts.livemigration.preflight.checks import CHECKS, judge, objection, warnings
from hosts.livemigration.preflight.evidence import busy, proofs
from hosts.livemigration.preflight.fresh import ask
from hosts.livemigration.preflight.guest import arrives_paused
from hosts.livemigration.preflight.inventory import from_rows, wishes
from hosts.livemigration.preflight.records import About, Case, Finding, Outcome, Proof, Wishes

__all__ = [
    "CHECKS",
    "About",
    "Case",
    "Finding",
    "Outcome",
    "Proof",
    "Wishes",
    "arrives_paused",
    "ask",
    "busy",
    "from_rows",
    "judge",
    "objection",
    "proofs",
    "warnings",
    "wishes",
]
