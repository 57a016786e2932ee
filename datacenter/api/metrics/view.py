"""GET /metrics: by a token that may see everything, or from a network of GODWIT_METRICS_NETWORKS. Else nobody."""

import ipaddress
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from datacenter import access
from datacenter.access import SYSTEM, Verb
from datacenter.api.bearer import holder
from datacenter.api.door import leave
from datacenter.api.metrics import health, inventory, moving
from datacenter.api.metrics.text import CONTENT_TYPE, render
from datacenter.api.problems import Problem, answer


@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, counted now: some thirty queries, none of which grows with the number of VMs."""
    try:
        if request.method not in ("GET", "HEAD"):
            raise Problem("method-not-allowed", "Only GET here.", headers={"Allow": "GET, HEAD"})
        _may(request)
    except Problem as exc:
        return leave(request, answer(exc))
    said = render([*inventory.families(), *moving.families(), *health.families()])
    return leave(request, HttpResponse(said, content_type=CONTENT_TYPE))


metrics.login_required = False  # type: ignore[attr-defined]  # the network or a token counts


def _may(request: HttpRequest) -> None:
    """Problem (401, 403, 429)."""
    if _listed(str(request.META.get("REMOTE_ADDR", "")), tuple(settings.METRICS_NETWORKS)):
        return
    who = holder(request)
    if not access.can(who, Verb.VIEW, SYSTEM):
        raise Problem("forbidden", "Metrics tell of everything: the token has to see the whole system.")


def _listed(address: str, networks: tuple[str, ...]) -> bool:
    try:
        there = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket, or a proxy that does not say
        return False
    return any(there in each for each in _networks(networks))


@cache
def _networks(given: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in given)
