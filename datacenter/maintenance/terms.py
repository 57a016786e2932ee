"""How a plan goes about it: what a policy says and a plan keeps a copy of. Pure data, kept as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from datacenter.maintenance import recipients
from datacenter.maintenance.address import UrlRefused, check_url


class TermsRefused(ValueError):
    """A term that makes no sense; ``field`` names it (for a step: ``steps-2-url``)."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class Order(StrEnum):
    """In which order hosts are taken."""

    NAME = "name"
    FEWEST_VMS = "fewest_vms"
    LEAST_MEMORY = "least_memory"  # what their VMs hold: the quickest first
    LISTED = "listed"


class After(StrEnum):
    """What follows on a host whose work is done."""

    ACTIVATE = "activate"
    STAY = "stay"  # in maintenance, until somebody activates it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTerms:
    """One step of the work on each host. ``params`` by kind: see maintenance/steps."""

    when: str = "empty"  # PlanStep.When
    kind: str = "confirm"  # PlanStep.Kind
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """``at_once``: hosts emptied or worked on at the same time. ``keep_spare``: N+1, the memory of the largest other
    host stays free. ``migration_policy``: its name; "": each VM's own. ``stop_unmovable``: VMs that cannot move are
    shut down and started again afterwards; else they block their host. ``skip_blocked``: a host with a red VM is
    passed over rather than waited for. ``home``: VMs return to the host they came from. ``drain_limit_minutes``: a
    host that is not empty by then has failed. ``report_*``: where the report goes; "": nowhere.
    """

    at_once: int = 1
    keep_spare: bool = True
    order: Order = Order.NAME
    migration_policy: str = ""
    stop_unmovable: bool = False
    skip_blocked: bool = True
    follow: After = After.ACTIVATE
    home: bool = False
    home_stagger_s: float = 10.0
    drain_limit_minutes: int = 240
    shutdown_limit_s: float = 300.0
    steps: tuple[StepTerms, ...] = ()
    report_mail: str = ""
    report_webhook: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What a row holds; a field that this version does not know is left out, a missing one has its default."""
        known = {field.name for field in fields(cls)}
        read = {name: value for name, value in data.items() if name in known}
        if "order" in read:
            read["order"] = Order(read["order"])
        if "follow" in read:
            read["follow"] = After(read["follow"])
        if "steps" in read:
            read["steps"] = tuple(StepTerms(**step) for step in read["steps"])
        return cls(**read)


MOST_STEPS = 20
#: field -> least, most
_BOUNDS: dict[str, tuple[float, float]] = {
    "at_once": (1, 100),
    "home_stagger_s": (0, 3600),
    "drain_limit_minutes": (1, 10_080),
    "shutdown_limit_s": (5, 3600),
}


def validate(terms: Terms) -> None:
    """TermsRefused with the field where a term is out of bounds, or a step makes no sense (``steps-2-url``)."""
    from datacenter.maintenance import steps  # the steps' checks read StepTerms from here

    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(terms, name) <= most:  # not-a-number fails every comparison
            raise TermsRefused(f"This is from {least:g} to {most:g}.", field=name)
    if len(terms.steps) > MOST_STEPS:
        raise TermsRefused(f"There are {MOST_STEPS} steps at most.", field="steps")
    for number, step in enumerate(terms.steps):
        steps.validate(step, f"steps-{number}")
    _check_report(terms)


def _check_report(terms: Terms) -> None:
    if terms.report_webhook:
        try:
            check_url(terms.report_webhook)
        except UrlRefused as exc:
            raise TermsRefused(str(exc), field="report_webhook") from exc
    try:
        recipients.check(terms.report_mail)
    except recipients.RecipientsRefused as exc:
        raise TermsRefused(str(exc), field="report_mail") from exc
