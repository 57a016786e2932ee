"""A migration policy in words, and the policies there are to choose from."""

from django import template

from datacenter.units import rate
from hosts.livemigration.policy import Arrival, Do, Method, Policy, Step, Stuck
from hosts.models import MigrationPolicy

register = template.Library()

_METHOD = {
    Method.ADAPTIVE: "By what the pause will be: the limit rises with what the line takes once the guest stands still",
    Method.PASSES: "By the number of the pass",
    Method.TIME: "By the time that has passed",
    Method.DOUBLING: "The pause doubles whenever what remains does not shrink",
    Method.BY_HAND: "Nothing is turned by itself",
}
_STUCK = {
    Stuck.WAIT: "wait",
    Stuck.THROTTLE: "slow the guest down",
    Stuck.POSTCOPY: "switch to post-copy",
    Stuck.PAUSE: "pause the guest to finish",
    Stuck.CANCEL: "cancel",
}

_ARRIVAL = {
    Arrival.ALWAYS: "always, to go on once the source’s copy has ended",
    Arrival.UNLOCKED: "where no lock protects its disks",
    Arrival.NEVER: "",
}


@register.simple_tag
def policies_to_choose() -> list[MigrationPolicy]:
    """All of them by name. One query."""
    return list(MigrationPolicy.objects.all())


@register.filter
def told(policy: Policy) -> list[tuple[str, str]]:
    """What it says, as pairs of a word and a sentence."""
    pauses = "" if policy.initial_downtime_ms is None else f"{policy.initial_downtime_ms} ms at first, "
    pairs = [
        ("Steers", _METHOD[policy.method]),
        ("Pause", f"{pauses}{policy.max_downtime_ms:,} ms at most"),
        ("Steps", "; ".join(_step(policy, step) for step in policy.steps)),
        ("Never converges", ", else ".join(_STUCK[way] for way in policy.ways_out)),
        ("Post-copy", "may be used" if policy.postcopy else "never"),
        ("Throttling", "from the start" if policy.auto_converge else ""),
        ("Compression", "XBZRLE" if policy.compression else ""),
        ("Connections", str(policy.parallel) if policy.parallel else ""),
        ("Encryption", "TLS" if policy.tls else ""),
        ("Zero-copy", "yes" if policy.zero_copy else ""),
        ("Arrives paused", _ARRIVAL[policy.arrival]),
        ("Bandwidth", rate(policy.bandwidth) if policy.bandwidth else "no limit"),
        ("At once", f"{policy.concurrent} a host, each way" if policy.concurrent else "as its cluster allows"),
        ("Deadline", _deadline(policy)),
    ]
    return [(label, words) for label, words in pairs if words]


def _step(policy: Policy, step: Step) -> str:
    what = {Do.POSTCOPY: "post-copy", Do.CANCEL: "cancel"}.get(step.do) or f"{step.value} ms"
    if policy.method is Method.TIME:
        return f"after {step.after} s for each GiB {what}"
    return f"after pass {step.after} {what}" if step.after else f"then {what}"


def _deadline(policy: Policy) -> str:
    if policy.deadline_s_per_gib is None:
        return "none"
    return f"{policy.deadline_s_per_gib} s for each GiB, at least {policy.deadline_least_s} s"
