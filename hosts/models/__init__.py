"""The nouns of the machine room, one file each."""

from hosts.models.cluster import Cluster
from hosts.models.datacenter import DataCenter
from hosts.models.doubt import Doubt
from hosts.models.duty import Duty
from hosts.models.host import Host
from hosts.models.leased import Leased
from hosts.models.load import HostLoad, VMLoad
from hosts.models.migration import Adjustment, Migration, Priority
from hosts.models.operation import Operation
from hosts.models.policy import MigrationPolicy, PolicyVersion
from hosts.models.sample import Sample
from hosts.models.transition import Transition
from hosts.models.vm import VM, MaintenanceRule, MigrationMode

__all__ = [
    "VM",
    "Adjustment",
    "Cluster",
    "DataCenter",
    "Doubt",
    "Duty",
    "Host",
    "HostLoad",
    "Leased",
    "MaintenanceRule",
    "Migration",
    "MigrationMode",
    "MigrationPolicy",
    "Operation",
    "PolicyVersion",
    "Priority",
    "Sample",
    "Transition",
    "VMLoad",
]
