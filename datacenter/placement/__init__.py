"""Where a VM may go, and why not elsewhere: snapshot and scores here, the rules in hosts.livemigration.preflight."""

from datacenter.placement.choose import Candidate, best, candidates
from datacenter.placement.holds import held_hosts, keep_off
from datacenter.placement.together import nobody, place_together, rank_together

__all__ = ["Candidate", "best", "candidates", "held_hosts", "keep_off", "nobody", "place_together", "rank_together"]
