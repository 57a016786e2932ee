"""Where a VM may go, and why not elsewhere: snapshot and scores here, the rules in hosts.livemigration.preflight."""

from datacenter.placement.choose import Candidate, best, candidates

__all__ = ["Candidate", "best", "candidates"]
