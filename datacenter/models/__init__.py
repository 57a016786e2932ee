"""The nouns of the control room, one file each."""

from datacenter.models.audit import AuditEntry
from datacenter.models.maintenance import MaintenancePolicy, WindowRun
from datacenter.models.plan import (
    AffinityGroup,
    HostHold,
    Plan,
    PlanHost,
    PlanMove,
    PlanStep,
    ReportDelivery,
    holding,
)
from datacenter.models.user import User

__all__ = [
    "AffinityGroup", "AuditEntry", "HostHold", "MaintenancePolicy", "Plan", "PlanHost", "PlanMove", "PlanStep",
    "ReportDelivery", "User", "WindowRun", "holding",
]  # fmt: skip
