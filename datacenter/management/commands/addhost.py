"""`manage.py addhost URI --cluster NAME`: a real host, read and shown within seconds. Nothing is changed on it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from datacenter import orders
from datacenter.access import SHELL
from hosts.models import Cluster, DataCenter, Host
from hosts.states import HostState
from hosts.virt.clock import WALL


class Command(BaseCommand):
    help = "Add a libvirt host to the inventory, and wait until a collector has read it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", help="such as qemu+tls://h1.example.com/system or qemu+ssh://root@h1/system")
        parser.add_argument("--cluster", required=True, help="made if there is none of this name")
        parser.add_argument("--datacenter", help="of the cluster; needed where the name alone is not clear")
        parser.add_argument("--name", default="", help="how to call the host; else as its URI does")
        parser.add_argument("--wait", type=float, default=20.0, help="seconds to wait for its first answer; 0: don't")

    def handle(self, *args: Any, **options: Any) -> None:
        cluster = _cluster(options["cluster"], options["datacenter"])
        try:
            host = orders.add_host(SHELL, options["uri"], name=options["name"], cluster=cluster)
        except orders.Refused as exc:
            raise CommandError(str(exc)) from exc
        print(f"Added {host} to the cluster {cluster} of the data center {cluster.datacenter}.")
        if options["wait"]:
            self._wait(host, options["wait"])

    def _wait(self, host: Host, seconds: float) -> None:
        until = WALL.monotonic() + seconds
        while WALL.monotonic() < until:
            host.refresh_from_db()
            if host.state == HostState.UP:
                print(f"It is up: libvirt {host.libvirt_version}, QEMU {host.qemu_version}, {host.vms.count()} VMs.")
                return
            WALL.sleep(0.2)
        if not host.lease_holder:
            raise CommandError("No collector listens: start one (manage.py up, or manage.py collect).")
        raise CommandError(f"No answer within {seconds:g} s: {host.error or 'still connecting'}. It stays in the list.")


def _cluster(name: str, datacenter: str | None) -> Cluster:
    """The cluster of this name, in that data center if one is named; made where there is none."""
    found = Cluster.objects.filter(name=name)
    if datacenter:
        found = found.filter(datacenter__name=datacenter)
    if found.count() > 1:
        raise CommandError(f"There is more than one cluster {name}: say which with --datacenter.")
    if cluster := found.select_related("datacenter").first():
        return cluster
    home, _ = DataCenter.objects.get_or_create(name=datacenter or "Default")
    return Cluster.objects.create(name=name, datacenter=home)
