"""`manage.py trusthost HOST --data-center DC`: shows a host's SSH key, asks, and adds it to the known hosts."""

import asyncio
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import asyncssh
from django.core.management.base import BaseCommand, CommandError

from datacenter.maintenance.steps import keys, login
from datacenter.maintenance.steps.keys import Target
from datacenter.maintenance.steps.troubles import ShellTrouble
from hosts.models import Host

_DEADLINE_S = 15.0


class Command(BaseCommand):
    help = "Show the SSH key of a host, ask whether it is right, and add it to its data center's known hosts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("host", help="its name in Godwit")
        parser.add_argument("--data-center", required=True, help="where the host is")
        parser.add_argument("--fingerprint", default="", help="the right one (SHA256:…): nobody is asked then")
        parser.add_argument("--replace", action="store_true", help="forget the key that was known")

    def handle(self, *args: Any, **options: Any) -> None:
        target = _target(options["host"], options["data_center"])
        try:
            known = login.trusted(target, login.known_hosts(target))
            key = asyncio.run(login.shown(target, within_s=_DEADLINE_S))
        except ShellTrouble as exc:
            raise CommandError(str(exc)) from exc
        if key in known:
            print(f"{target.name} has this key already: {key.get_fingerprint()}")
            return
        self._show(target, key, known)
        if known and not options["replace"]:
            raise CommandError("Another key is known for this host. If the new one is right, add --replace.")
        _confirm(key, options["fingerprint"])
        _write(target, key, replace=bool(known))
        print(f"Added to {target.known_hosts}.")

    def _show(self, target: Target, key: asyncssh.SSHKey, known: list[asyncssh.SSHKey]) -> None:
        print(f"{target.name} ({target.address} port {target.port}) shows the key")
        print(f"    {key.get_algorithm()} {key.get_fingerprint()}")
        for each in known:
            print(f"known until now:\n    {each.get_algorithm()} {each.get_fingerprint()}")
        print("Compare it with what the host itself says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")


def _target(host: str, data_center: str) -> Target:
    row = Host.objects.filter(name=host, cluster__datacenter__name=data_center).select_related("cluster__datacenter")
    found = row.first()
    if found is None:
        raise CommandError(f"There is no host {host} in the data center {data_center}.")
    try:
        return keys.target(found)
    except ShellTrouble as exc:
        raise CommandError(str(exc)) from exc


def _confirm(key: asyncssh.SSHKey, fingerprint: str) -> None:
    if fingerprint:
        if fingerprint != key.get_fingerprint():
            raise CommandError("The host's key has another fingerprint. Nothing was added.")
        return
    try:
        answer = input("Is this the right key? Type yes: ")
    except EOFError:
        answer = ""
    if answer.strip() != "yes":
        raise CommandError("Nothing was added.")


def _write(target: Target, key: asyncssh.SSHKey, *, replace: bool) -> None:
    """The file anew, whole or not at all, for us alone."""
    place = target.address if target.port == 22 else f"[{target.address}]:{target.port}"
    path = target.known_hosts
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = path.read_text().splitlines() if path.exists() else []
    if replace:
        lines = [line for line in lines if not _is_for(line, target)]
    lines.append(f"{place} {key.export_public_key().decode().strip()}")
    _replace(path, "\n".join(lines) + "\n")


def _is_for(line: str, target: Target) -> bool:
    """Whether this line alone would make a key of this host known; an authority's or a revoked one stays."""
    if not line.strip() or line.startswith(("#", "@")):
        return False
    try:
        return bool(asyncssh.import_known_hosts(line + "\n").match(target.address, "", target.port)[0])
    except ValueError:
        return False


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    os.replace(draft, path)
