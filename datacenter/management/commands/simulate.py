"""``manage.py simulate``: run the simulated datacenter, until Ctrl-C."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosts.virt.sim.runner import Options, serve
from hosts.virt.sim.world import World


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

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Options(seed=options["seed"], pace_s=max(0.0, options["pace"]), fresh=options["fresh"])
        try:
            asyncio.run(serve(chosen, ready=lambda world: self._ready(world, chosen)))
        except OSError as exc:
            raise CommandError(f"The simulator cannot start: {exc}") from exc

    def _ready(self, world: World, options: Options) -> None:
        text = f"{len(world.hosts)} simulated hosts with {len(world.guests)} VMs at {options.socket}"
        self.stdout.write(text)
        self.stdout.flush()
