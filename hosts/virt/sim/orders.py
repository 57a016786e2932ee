"""Faults in words, for scenarios and for the running simulator: ``freeze prod-h01``, ``cut prod-h01 prod-h02``."""

from collections.abc import Callable

from hosts.virt.sim import faults
from hosts.virt.sim.world import World

_MIB = float(1 << 20)


def _guest(world: World, name: str) -> str:
    return world.guest_named(name).uuid


#: order -> its arguments and what it does
ORDERS: dict[str, tuple[str, Callable[..., None]]] = {
    "freeze": ("HOST", faults.freeze),
    "thaw": ("HOST", faults.thaw),
    "isolate": ("HOST", faults.isolate),
    "rejoin": ("HOST", faults.rejoin),
    "kill-daemon": ("HOST", faults.kill_daemon),
    "start-daemon": ("HOST", faults.start_daemon),
    "restart-daemon": ("HOST", faults.restart_daemon),
    "reboot": ("HOST", faults.reboot),
    "power-off": ("HOST", faults.power_off),
    "power-on": ("HOST", faults.come_up),
    "stay-down": ("HOST", faults.stay_down),
    "cut": ("HOST HOST", faults.cut),
    "mend": ("HOST HOST", faults.mend),
    "slow": ("HOST HOST MIB/S", lambda world, a, b, rate: faults.slow(world, a, b, bytes_per_s=float(rate) * _MIB)),
    "lossy": ("HOST HOST SHARE", lambda world, a, b, share: faults.lossy(world, a, b, share=float(share))),
    "crash": ("VM", lambda world, name: faults.crash_guest(world, _guest(world, name))),
    "kill-destination": ("VM", lambda world, name: faults.kill_destination(world, _guest(world, name))),
}


def obey(world: World, order: str) -> None:
    """Carry one order out, inside the world's present. ValueError with a sentence where it makes no sense."""
    verb, *args = order.split() or [""]
    if verb not in ORDERS:
        raise ValueError(f"“{verb}” is no order; there are: {', '.join(ORDERS)}.")
    wanted, act = ORDERS[verb]
    kinds = wanted.split()
    if len(args) != len(kinds):
        raise ValueError(f"It is said: {verb} {wanted}.")
    for kind, arg in zip(kinds, args, strict=True):
        if kind == "HOST" and arg not in world.hosts:
            raise ValueError(f"There is no simulated host “{arg}”.")
    if kinds[:2] == ["HOST", "HOST"] and args[0] == args[1]:
        raise ValueError("A line has two ends.")
    try:
        act(world, *args)
    except KeyError as exc:
        raise ValueError(f"There is no such VM, or it does not migrate: {args[0]}.") from exc
    except ValueError as exc:
        raise ValueError(f"It is said: {verb} {wanted}, with a number at the end.") from exc
