"""The nouns of the control room, one file each."""

from datacenter.models.audit import AuditEntry
from datacenter.models.user import User

__all__ = ["AuditEntry", "User"]
