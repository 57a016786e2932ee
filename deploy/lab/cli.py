"""python3 -m deploy.lab: the lab on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.lab.lab import Lab
from deploy.lab.machine import LabError, why_not

# Command -> method of Lab, and the arguments it takes.
FAULTS = {
    "cut": ("pull a host's cable", ["host"]),
    "drop": ("lose all packets of a host silently", ["host"]),
    "mend": ("undo cut, drop, slow and stop-daemon", ["host"]),
    "slow": ("shape a host's line; 0 takes it off", ["host", "mbit"]),
    "stop-daemon": ("freeze a host's libvirtd", ["host"]),
    "cont-daemon": ("let it go on", ["host"]),
    "kill-daemon": ("kill a host's libvirtd, not its guests", ["host"]),
    "start-daemon": ("start it again", ["host"]),
    "kill-guest": ("kill a guest's QEMU", ["guest"]),
    "power-off": ("cut a host's power", ["host"]),
    "power-on": ("give it back", ["host"]),
}


def main(words: Sequence[str]) -> int:
    """Run one command; 0 if it was done, 1 with one line on standard error if not."""
    options = _parser().parse_args(words)
    try:
        return _obey(options)
    except LabError as exc:
        print(f"lab: {exc}", file=sys.stderr)
        return 1


def _obey(options: argparse.Namespace) -> int:
    if options.command == "check":
        reason = why_not()
        print(reason or "this machine can hold a lab")
        return 1 if reason else 0
    if options.command == "up":
        lab = Lab.up(name=options.name, hosts=options.hosts, guests=options.guests, state=options.state, say=_say)
        if options.mbit is not None:
            for host in lab.hosts:
                lab.slow(host, options.mbit)
            _say(f"lines: {options.mbit:g} Mbit/s each way")
        print(json.dumps(lab.status()))
    elif options.command == "down":
        if not Lab.remove_all(options.name, state=options.state, say=_say):
            _say(f"down: there is no lab {options.name}")
    elif options.command == "status":
        _show(Lab.find(options.name, state=options.state).status(), as_json=options.json)
    else:
        _break(Lab.find(options.name, state=options.state), options)
    return 0


def _break(lab: Lab, options: argparse.Namespace) -> None:
    arguments = [getattr(options, name) for name in FAULTS[options.command][1]]
    getattr(lab, options.command.replace("-", "_"))(*arguments)
    _say(f"{options.command} {' '.join(map(str, arguments))}: done")


def _say(line: str) -> None:
    print(line, flush=True)


def _show(status: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status))
        return
    for kind in ("hosts", "guests"):
        for row in status[kind]:  # type: ignore[attr-defined]
            print(kind[:-1], *(f"{key}={value}" for key, value in row.items()))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="godwit", help="the lab's name; several labs can stand side by side")
    common.add_argument("--state", type=Path, default=None, help="its state folder (var/lab/NAME)")
    parser = argparse.ArgumentParser(prog="python3 -m deploy.lab", description="A lab of real libvirt hosts.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="say whether this machine can hold a lab")
    up = commands.add_parser("up", parents=[common], help="bring the lab up")
    up.add_argument("--hosts", type=int, default=3)
    up.add_argument("--guests", type=int, default=6, help="how many of the demo's guests (0 for none)")
    up.add_argument(
        "--mbit", type=float, help="shape every host's line, so that a migration can be watched; 0: no limit"
    )
    commands.add_parser("down", parents=[common], help="end the lab and remove all of it")
    status = commands.add_parser("status", parents=[common], help="show hosts and guests")
    status.add_argument("--json", action="store_true")
    for command, (text, arguments) in FAULTS.items():
        fault = commands.add_parser(command, parents=[common], help=text)
        for argument in arguments:
            fault.add_argument(argument, type=float if argument == "mbit" else str)
    return parser
