"""The fixed workloads of the policies' bench: guests, lines and pause budgets. Sizes MiB, rates MiB/s."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """Memory that is rewritten: so much of it, so fast, in order or at random."""

    mib: float
    rate: float
    in_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One guest on its way. ``known``: the pair of hosts has moved a VM before, so that its line is known."""

    name: str
    memory: float = 1024
    touched: float = 500
    hot: tuple[Hot, ...] = field(default=())
    cpu: float = 0.3  # of its vCPU: what throttling has to take away first
    line: float = 330
    shaped: bool = False
    cap: float | None = None
    budget_ms: int = 300
    contended: bool = False  # another migration uses the same line all the time
    postcopy: bool = True  # the operator allows it and both hosts can recover it
    known: bool = True


WORKLOADS: tuple[Workload, ...] = (
    Workload(name="idle", touched=180),
    Workload(name="idle, capped", touched=180, cap=60),
    Workload(name="easy", hot=(Hot(mib=100, rate=20),)),
    Workload(name="easy, tight budget", hot=(Hot(mib=100, rate=20),), budget_ms=120),
    Workload(name="easy, capped", hot=(Hot(mib=100, rate=20),), cap=60),
    Workload(name="borderline, in order", hot=(Hot(mib=300, rate=280, in_order=True),), cpu=0.9, budget_ms=400),
    Workload(name="borderline, capped", hot=(Hot(mib=200, rate=50, in_order=True),), cap=60, cpu=0.9),
    Workload(name="never, capped", hot=(Hot(mib=100, rate=80),), cap=60, cpu=0.9, budget_ms=400),
    Workload(name="never, capped, new pair", hot=(Hot(mib=100, rate=80),), cap=60, cpu=0.9, known=False),
    Workload(name="never, capped, no post-copy", hot=(Hot(mib=100, rate=80),), cap=60, cpu=0.9, postcopy=False),
    Workload(name="never, full line", touched=600, hot=(Hot(mib=500, rate=600, in_order=True),), cpu=1.0),
    Workload(
        name="never, no post-copy", touched=600, hot=(Hot(mib=500, rate=600, in_order=True),), cpu=1.0, postcopy=False
    ),
    Workload(name="never, little CPU", touched=600, hot=(Hot(mib=500, rate=600),), cpu=0.25, postcopy=False),
    Workload(name="hot and cold", touched=800, hot=(Hot(mib=40, rate=200), Hot(mib=400, rate=20)), cpu=0.7),
    Workload(name="hot and cold, capped", touched=800, hot=(Hot(mib=20, rate=80), Hot(mib=300, rate=15)), cap=60),
    Workload(name="random, loose budget", touched=700, hot=(Hot(mib=600, rate=350),), cpu=0.9, budget_ms=1500),
    Workload(name="random, tight budget", touched=700, hot=(Hot(mib=600, rate=350),), cpu=0.9, budget_ms=150),
    Workload(name="big", memory=16384, touched=12000, hot=(Hot(mib=800, rate=120),), line=1100, cpu=0.6),
    Workload(name="big, never", memory=16384, touched=12000, hot=(Hot(mib=4000, rate=2000),), line=1100, cpu=1.0),
    Workload(name="slow line", hot=(Hot(mib=60, rate=12),), line=24, shaped=True, budget_ms=500),
    Workload(
        name="slow line, never",
        hot=(Hot(mib=200, rate=60, in_order=True),),
        line=48,
        shaped=True,
        cpu=0.9,
        budget_ms=1000,
    ),
    Workload(name="contended", hot=(Hot(mib=150, rate=60),), contended=True, cpu=0.6),
    Workload(name="contended, capped", hot=(Hot(mib=150, rate=60),), contended=True, cap=60, cpu=0.6, budget_ms=400),
    Workload(name="capped, loose budget", hot=(Hot(mib=250, rate=70, in_order=True),), cap=60, cpu=0.9, budget_ms=1000),
)
