"""`manage.py demo`: the demo's two data centers, a maintenance policy, its login; safe to run again and again."""

import json
import os
import secrets
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from datacenter import orders
from datacenter.access import SHELL
from datacenter.maintenance.policies import Draft, save_policy
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import MaintenancePolicy, User
from hosts.models import Cluster, DataCenter, Host
from hosts.virt.sim.demo import demo_datacenter


class Command(BaseCommand):
    help = "Fill the inventory with the demo: the lab's hosts, if there is a lab, and the simulated data center."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lab-json", default="", help="what `python -m deploy.lab up` printed last")

    def handle(self, *args: Any, **options: Any) -> None:
        login = Path(settings.VAR) / "demo-login.json"
        make_login(login)
        simulated = DataCenter.objects.get_or_create(
            name="Simulated", defaults={"description": "Hosts and VMs that exist only in Godwit's own simulator"}
        )[0]
        for cluster, uris in demo_datacenter():
            add_all(simulated, cluster, [(uri, "") for uri in uris])
        make_policy(simulated)
        if options["lab_json"]:
            self._lab(json.loads(options["lab_json"]))

    def _lab(self, lab: dict[str, Any]) -> None:
        datacenter = DataCenter.objects.get_or_create(
            name="Lab", defaults={"description": "Real libvirt hosts and real QEMU guests on this machine"}
        )[0]
        add_all(datacenter, "lab", [(host["uri"], host["name"]) for host in lab["hosts"]])


def add_all(datacenter: DataCenter, cluster_name: str, wanted: list[tuple[str, str]]) -> None:
    """Add the hosts (URI, name) that are not there yet."""
    cluster = Cluster.objects.get_or_create(datacenter=datacenter, name=cluster_name)[0]
    known = set(Host.objects.filter(uri__in=[uri for uri, _ in wanted]).values_list("uri", flat=True))
    for uri, name in wanted:
        if uri not in known:
            orders.add_host(SHELL, uri, name=name, cluster=cluster)


def make_policy(datacenter: DataCenter) -> None:
    """One maintenance policy to look at, where there is none: the smallest cluster, on Sunday nights in Berlin."""
    if MaintenancePolicy.objects.exists():
        return
    cluster = Cluster.objects.get(datacenter=datacenter, name="Edge")
    draft = Draft(
        name="Edge, Sunday nights",
        description="One host after the other is emptied, checked and activated again.",
        cluster=cluster,
        rule="FREQ=WEEKLY;BYDAY=SU",
        starts_at_local=datetime(2026, 1, 4, 2, 0),  # noqa: DTZ001  # local to the policy's zone
        zone="Europe/Berlin",
        duration_minutes=240,
        terms=Terms(steps=(StepTerms(when="empty", kind="health", params={}),)),
    )
    save_policy(SHELL, None, draft)


def make_login(kept: Path) -> None:
    """An administrator with a random password, made on the first run and kept in ``kept`` (mode 0600)."""
    if kept.exists() and User.objects.filter(username="admin").exists():
        return
    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username="admin", defaults={"is_superuser": True, "is_staff": True})
    user.set_password(password)
    user.save()
    kept.unlink(missing_ok=True)
    with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"username": "admin", "password": password}, file)
