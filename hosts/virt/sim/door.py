"""The simulator's own door, through which its operator orders what happens to hosts and VMs (see orders.py)."""

from hosts.virt.errors import OperationFailed
from hosts.virt.sim.client import give_order
from hosts.virt.sim.local import current_world
from hosts.virt.sim.orders import obey


def give(order: str) -> None:
    """Carry an order out, such as ``reboot prod-h01``, in this process's world, else in the simulator that runs.

    OperationFailed with a sentence where it makes no sense, HostUnreachable where no simulator runs.
    """
    world = current_world()
    if world is None:
        give_order(order)
        return
    with world.present():
        try:
            obey(world, order)
        except ValueError as exc:
            raise OperationFailed(str(exc)) from exc
