"""Whether hosts can be logged in to, as far as their keys tell: asked when a policy is made, not at two at night.

Only the key exchange is made, with all hosts at the same time; a host that does not answer is not refused for that.
"""

import asyncio
from collections.abc import Iterable

from datacenter.maintenance.steps import keys, login
from datacenter.maintenance.steps.troubles import ShellTrouble, Unreachable
from hosts.models import Host
from hosts.virt.connect import parse_uri
from hosts.virt.errors import UriRefused

WITHIN_S = 3.0
_AT_ONCE = 32


def problems(hosts: Iterable[Host], *, within_s: float = WITHIN_S) -> dict[str, str]:
    """Host name -> why it could not be logged in to: a key that changed or is not known, or files that are missing."""
    asked = [host for host in hosts if not _is_simulated(host)]
    return asyncio.run(_all(asked, within_s)) if asked else {}


async def _all(hosts: list[Host], within_s: float) -> dict[str, str]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(host: Host, target: keys.Target) -> tuple[str, str]:
        async with gate:
            try:
                await login.check(target, within_s=within_s)
            except Unreachable:
                pass  # it may be off now and on then
            except ShellTrouble as exc:
                return host.name, str(exc)
        return host.name, ""

    found: dict[str, str] = {}
    asked = []
    for host in hosts:
        try:
            asked.append(one(host, keys.target(host)))
        except ShellTrouble as exc:
            found[host.name] = str(exc)
    found.update(await asyncio.gather(*asked))
    return {name: why for name, why in found.items() if why}


def _is_simulated(host: Host) -> bool:
    try:
        return parse_uri(host.uri).kind == "sim"
    except UriRefused:
        return False
