"""Where a VM may go, and why not elsewhere: snapshot, hard rules, scores, choice."""

from datacenter.placement.choose import Candidate, best, candidates

__all__ = ["Candidate", "best", "candidates"]
