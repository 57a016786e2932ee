"""How a plan goes about it: what a policy says and a plan keeps a copy of. Pure data, kept as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self


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
