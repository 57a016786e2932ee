"""``manage.py simulate``: run the simulated datacenter, until Ctrl-C."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosts.virt.errors import VirtError
from hosts.virt.sim.client import give_order
from hosts.virt.sim.orders import ORDERS
from hosts.virt.sim.runner import Options, serve
from hosts.virt.sim.world import World


def _orders() -> list[str]:
    return [f"{verb} {args}" for verb, (args, _) in ORDERS.items()]


class Command(BaseCommand):
    help = "Run the simulated datacenter (sim:// hosts): 3 clusters, 40 hosts, 600 VMs that live."
    requires_system_checks: list[str] = []  # it needs neither the database nor a host

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="another seed is another datacenter (default: 1)")
        parser.add_argument(
            "--pace",
            type=float,
            default=4.0,
            metavar="SECONDS",
            help="something happens every so many seconds on average; 0: nothing by itself (default: 4)",
        )
        parser.add_argument("--fresh", action="store_true", help="forget where the last run left the VMs")

        parser.add_argument(
            "--order",
            metavar="ORDER",
            help=f"let the simulator that runs carry out a fault, and return: {', '.join(_orders())}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["order"] is not None:
            self._order(options["order"])
            return
        chosen = Options(seed=options["seed"], pace_s=max(0.0, options["pace"]), fresh=options["fresh"])
        try:
            asyncio.run(serve(chosen, ready=lambda world: self._ready(world, chosen)))
        except OSError as exc:
            raise CommandError(f"The simulator cannot start: {exc}") from exc

    def _order(self, text: str) -> None:
        try:
            give_order(text)
        except VirtError as exc:
            raise CommandError(str(exc)) from exc

    def _ready(self, world: World, options: Options) -> None:
        text = f"{len(world.hosts)} simulated hosts with {len(world.guests)} VMs at {options.socket}"
        self.stdout.write(text)
        self.stdout.flush()
