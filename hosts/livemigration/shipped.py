"""The policies that come with Godwit: oVirt's five by name and number, Adaptive, and By hand; and two peers' defaults.

oVirt's numbers are those of its engine (``MigrationPolicies`` in its configuration) and of vdsm, whose monitor looks
every 10 s; the legacy one is vdsm's exponential schedule, 100 + 400^(i/4) ms up to 500. Nova's and Proxmox's are not
shipped: they are here to be measured against (``make bench-policies``).
"""

from dataclasses import dataclass

from hosts.livemigration.policy import Do, Method, Policy, Step, Stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A policy, its name and what it does in a sentence or two."""

    name: str
    description: str
    policy: Policy


ADAPTIVE = "Adaptive"
BY_HAND = "By hand"


def _pauses(*pairs: tuple[int, int]) -> tuple[Step, ...]:
    return tuple(Step(after=after, value=value) for after, value in pairs)


_OVIRT = {"method": Method.PASSES, "look_every_s": 10.0}

SHIPPED: tuple[Named, ...] = (
    Named(
        name=ADAPTIVE,
        description=(
            "Ends as soon as the rest fits into the pause budget, counting what the line takes once the guest stands "
            "still. Where it can never fit it does not wait: post-copy if that is allowed and can be recovered, "
            "throttling last, else it stops and says what it would need."
        ),
        policy=Policy(
            method=Method.ADAPTIVE,
            max_downtime_ms=300,
            postcopy=True,
            when_stuck=Stuck.POSTCOPY,
            otherwise=Stuck.THROTTLE,
            deadline_s_per_gib=150,
            deadline_least_s=300,
        ),
    ),
    Named(
        name="Minimal downtime",
        description="oVirt’s default. The pause grows to 0.5 s with the passes, the guest is slowed; then it stops.",
        policy=Policy(
            **_OVIRT,  # type: ignore[arg-type]
            concurrent=2,
            auto_converge=True,
            initial_downtime_ms=100,
            max_downtime_ms=500,
            steps=_pauses((1, 150), (2, 200), (3, 300), (4, 400), (6, 500)),
            when_stuck=Stuck.CANCEL,
            otherwise=Stuck.CANCEL,
        ),
    ),
    Named(
        name="Suspend workload if needed",
        description="oVirt’s. As Minimal downtime, compressed; at last the guest may pause for 5 s before it stops.",
        policy=Policy(
            **_OVIRT,  # type: ignore[arg-type]
            concurrent=1,
            auto_converge=True,
            compression=True,
            initial_downtime_ms=100,
            max_downtime_ms=5000,
            steps=_pauses((1, 150), (2, 200), (3, 300), (4, 400), (6, 500), (0, 5000)),
            when_stuck=Stuck.CANCEL,
            otherwise=Stuck.CANCEL,
        ),
    ),
    Named(
        name="Post-copy migration",
        description="oVirt’s. A pause of up to 0.2 s and a guest slowed down; where that does not end it, post-copy.",
        policy=Policy(
            **_OVIRT,  # type: ignore[arg-type]
            concurrent=2,
            auto_converge=True,
            postcopy=True,
            initial_downtime_ms=100,
            max_downtime_ms=200,
            steps=_pauses((1, 150), (2, 200)),
            when_stuck=Stuck.POSTCOPY,
            otherwise=Stuck.CANCEL,
        ),
    ),
    Named(
        name="Very large VMs",
        description="oVirt’s, for memory that takes minutes: pauses from 0.3 to 1.5 s, at last 5 s; then it stops.",
        policy=Policy(
            **_OVIRT,  # type: ignore[arg-type]
            concurrent=1,
            auto_converge=True,
            initial_downtime_ms=300,
            max_downtime_ms=5000,
            steps=_pauses((1, 400), (2, 500), (3, 700), (4, 1000), (6, 1500), (0, 5000)),
            when_stuck=Stuck.CANCEL,
            otherwise=Stuck.CANCEL,
        ),
    ),
    Named(
        name="Legacy",
        description="oVirt’s of old: five pauses rising to 0.5 s with the passes; it stops after pass 42.",
        policy=Policy(
            **_OVIRT,  # type: ignore[arg-type]
            concurrent=2,
            initial_downtime_ms=101,
            max_downtime_ms=500,
            steps=(*_pauses((1, 104), (2, 120), (3, 189), (4, 500)), Step(after=42, do=Do.CANCEL)),
        ),
    ),
    Named(
        name=BY_HAND,
        description="Nothing is turned by itself: QEMU’s 300 ms, and whatever a person orders while it runs.",
        policy=Policy(method=Method.BY_HAND, postcopy=True),
    ),
)

#: Nova: downtime 500 ms in 10 steps, each 75 s for each GiB; after 800 s for each GiB it stops
NOVA = Named(
    name="Nova’s defaults",
    description="A pause from 50 to 500 ms, raised every 75 s for each GiB; it stops after 800 s for each GiB.",
    policy=Policy(
        method=Method.TIME,
        concurrent=1,
        initial_downtime_ms=50,
        max_downtime_ms=500,
        steps=tuple(Step(after=75 * i, value=50 + 45 * i) for i in range(1, 11)),
        when_stuck=Stuck.CANCEL,
        otherwise=Stuck.CANCEL,
        deadline_s_per_gib=800,
        deadline_least_s=1600,
    ),
)
#: Proxmox: 100 ms, doubled after more than 5 looks at which more remained than before
PROXMOX = Named(
    name="Proxmox’s doubling",
    description="A pause of 100 ms that doubles whenever more remained at six looks, up to 2,000 s.",
    policy=Policy(method=Method.DOUBLING, initial_downtime_ms=100, max_downtime_ms=2_000_000, look_every_s=1.0),
)
PEERS = (NOVA, PROXMOX)
