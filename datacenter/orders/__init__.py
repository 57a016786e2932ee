"""What a person, a plan or the API may order: each asks access, writes the audit, places the request below."""

from datacenter.orders.errors import Forbidden, Refused
from datacenter.orders.hosts import add_host, remove_host
from datacenter.orders.migrations import adjust
from datacenter.orders.vms import MigrateOptions, migrate, power

__all__ = ["Forbidden", "MigrateOptions", "Refused", "add_host", "adjust", "migrate", "power", "remove_host"]
