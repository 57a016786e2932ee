"""The nouns of the control room, one file each."""

from datacenter.models.bulk import BulkItem, BulkOrder
from datacenter.models.display import Display, DisplayScreen
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
from datacenter.models.role import Role, RoleBinding
from datacenter.models.token import ApiToken, KeptAnswer
from datacenter.models.user import User, UserSession
from datacenter.models.view import SavedView

__all__ = [
    "AffinityGroup", "ApiToken", "Display", "DisplayScreen", "HostHold", "MaintenancePolicy", "Plan", "PlanHost", "PlanMove", "PlanStep",
    "KeptAnswer", "ReportDelivery", "Role", "RoleBinding", "User", "UserSession", "WindowRun", "holding",
    "BulkItem", "BulkOrder", "SavedView",
]  # fmt: skip
