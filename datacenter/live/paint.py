"""Paint: read rows once, make fragments and figures of them. Runs in a thread; knows nothing of sockets."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Model
from django.template.loader import render_to_string

from datacenter.live.formats import FIGURES, texts
from datacenter.live.fragments import template_of
from datacenter.live.items import Item, Kind
from datacenter.models import PlanHost, PlanMove, PlanStep
from datacenter.rows import ROWS
from hosts.models import VM, Host, Migration
from hosts.states import PlanState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """What came of it, by the text of the item. HTML None: the row is gone."""

    html: dict[str, str | None] = field(default_factory=dict)
    text: dict[str, dict[str, list[Any]]] = field(default_factory=dict)


def read(noun: str, pks: Iterable[int]) -> dict[int, Model]:
    """The rows of a noun that exist, as fragments want them."""
    return {row.pk: row for row in ROWS[noun]().filter(pk__in=set(pks))}


def paint(items: Iterable[Item]) -> Painted:
    """Paint each item once: one read a noun, one rendering a fragment."""
    painted = Painted()
    by_noun: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_noun[item.noun].append(item)
    for noun, wanted in by_noun.items():
        rows = read(noun, [item.pk for item in wanted if item.pk]) if noun in ROWS else {}
        for item in wanted:
            _paint_one(item, rows.get(item.pk or 0), painted)
    return painted


def _paint_one(item: Item, row: Model | None, painted: Painted) -> None:
    if item.kind is Kind.TEXT and row is not None:
        painted.text[item.text] = texts({name: getattr(row, name) for name in FIGURES[item.noun]})
    elif item.kind is Kind.HTML and item.pk and row is None:
        painted.html[item.text] = None
    elif item.kind is Kind.HTML:
        context = {item.noun: row} if row is not None else {}
        try:
            painted.html[item.text] = render_to_string(template_of(item.fragment), context).strip()
        except DatabaseError:  # the whole batch is tried again
            raise
        except Exception:  # a template's own mistake: all others are painted all the same
            extra = {"action": "fragment_failed", "fragment": item.fragment}
            log.exception("The fragment %s could not be painted", item.text, extra=extra)


def related(topics: set[str]) -> set[str]:
    """Topics whose fragments tell of these rows too: a VM's migration stands in the VM's row, its VMs in a host's.

    A host's VMs follow only when the host itself changed: a VM's change does not repaint its neighbours.
    """
    pks: dict[str, set[int]] = defaultdict(set)
    for topic in topics:
        noun, _, pk = topic.partition(":")
        if pk.isdigit():
            pks[noun].add(int(pk))
    vms, hosts = set(pks["vm"]), set(pks["host"])
    if moves := pks["migration"]:
        for vm, *ends in Migration.objects.filter(pk__in=moves).values_list("vm_id", "source_id", "destination_id"):
            vms.add(vm)
            hosts.update(end for end in ends if end)
    if vms:
        hosts.update(VM.objects.filter(pk__in=vms).values_list("host_id", flat=True))
    if pks["host"]:
        vms.update(VM.objects.filter(host__in=pks["host"]).values_list("pk", flat=True))
    clusters = set(Host.objects.filter(pk__in=hosts).values_list("cluster_id", flat=True)) if hosts else set()
    more = (("vm", vms), ("host", hosts), ("cluster", clusters))
    found = topics | {f"{noun}:{pk}" for noun, many in more for pk in many}
    return found | _of_plans(pks, vms)


#: plans whose tiles follow their VMs
_OPEN = [state.value for state in PlanState if not state.is_final]


def _of_plans(pks: dict[str, set[int]], vms: set[int]) -> set[str]:
    """A VM's change is its tile's; a tile's and a step's are their host's in the plan; all are the plan's."""
    moves, steps, seats, plans = (set(pks[noun]) for noun in ("plan_move", "plan_step", "plan_host", "plan"))
    if vms:
        told = PlanMove.objects.filter(vm__in=vms, plan_host__plan__state__in=_OPEN)
        moves.update(told.values_list("pk", flat=True))
    if moves:
        seats.update(PlanMove.objects.filter(pk__in=moves).values_list("plan_host", flat=True))
    if steps:
        seats.update(PlanStep.objects.filter(pk__in=steps).values_list("plan_host", flat=True))
    hosts: set[int] = set()
    if plans:  # a host's card tells of the plan that holds it
        hosts.update(PlanHost.objects.filter(plan__in=plans).values_list("host", flat=True))
    if seats:
        plans.update(PlanHost.objects.filter(pk__in=seats).values_list("plan", flat=True))
    more = (("plan_move", moves), ("plan_host", seats), ("plan", plans), ("host", hosts))
    return {f"{noun}:{pk}" for noun, many in more for pk in many}
