"""What a person, a plan or the API may order: each asks access, writes the audit, places the request below."""

from datacenter.orders.affinity import remove_affinity, save_affinity
from datacenter.orders.clusters import set_limits
from datacenter.orders.doubts import remedy
from datacenter.orders.errors import Forbidden, Refused
from datacenter.orders.hosts import add_host, remove_host, tag_host
from datacenter.orders.many import Moved, migrate_many
from datacenter.orders.migrations import adjust
from datacenter.orders.policies import assign_policy, remove_policy, save_policy
from datacenter.orders.vms import measure, migrate, power, set_rules
from hosts.livemigration.terms import Asked as MigrateOptions

__all__ = [
    "Forbidden", "MigrateOptions", "Moved", "Refused",
    "add_host", "adjust", "assign_policy", "measure", "migrate", "migrate_many", "power", "remedy", "remove_affinity",
    "remove_host", "remove_policy", "save_affinity", "save_policy", "set_limits", "set_rules", "tag_host",
]  # fmt: skip
