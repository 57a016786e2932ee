"""The nouns of the control room, one file each."""

from datacenter.models.alert import Alert, AlertKind, AlertLimit, HostCertificate
from datacenter.models.bulk import BulkItem, BulkOrder
from datacenter.models.display import Display, DisplayScreen
from datacenter.models.maintenance import MaintenancePolicy, WindowRun
from datacenter.models.notification import Channel, Delivery, NotificationCursor, NotificationRule
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
    "AffinityGroup", "Alert", "AlertKind", "AlertLimit", "ApiToken", "BulkItem", "BulkOrder", "Channel", "Delivery",
    "Display", "DisplayScreen", "HostCertificate", "HostHold", "KeptAnswer", "MaintenancePolicy",
    "NotificationCursor", "NotificationRule", "Plan", "PlanHost", "PlanMove", "PlanStep", "ReportDelivery", "Role",
    "RoleBinding", "SavedView", "User", "UserSession", "WindowRun", "holding",
]  # fmt: skip
