"""Maintenance for the full house: a draft, a plan that runs with every kind of step and tile, one that has ended."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from datacenter.access import SHELL
from datacenter.maintenance.plans import make_plan
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import AffinityGroup, Plan, PlanHost, PlanMove, PlanStep
from hosts.models import VM, Host
from hosts.states import PlanHostState, PlanMoveState, PlanState, PlanStepState
from tests.factory import make_host, make_vm

STEPS = (
    StepTerms(when="before", kind="webhook", params={"url": "https://example.com/" + "long/" * 20}),
    StepTerms(when="empty", kind="command", params={"command": "apt-get dist-upgrade --yes " + "--option " * 30}),
    StepTerms(when="empty", kind="confirm", params={"text": "Is the board in?"}),
    StepTerms(when="after", kind="health", params={}),
)


def furnish_plans(host: Host, second: Host) -> dict[str, str]:
    """Name -> address of the pages of maintenance."""
    odd = VM.objects.filter(host=host)
    VM.objects.filter(pk=odd[0].pk).update(maintenance_rule="ask")
    group = AffinityGroup.objects.create(name="a group with " + "a long name " * 4, together=False, hard=True)
    group.vms.set(odd[:4])
    terms = Terms(steps=STEPS)
    draft = make_plan(SHELL, [host, second], title="A draft", reason="because " * 12, terms=terms)
    running = _running(second, terms)
    ended = _ended(terms, second)
    pages = {name: reverse(name) for name in ("maintenance", "plan_new")}
    for name, plan in (("draft", draft), ("running", running), ("ended", ended)):
        pages[f"plan, {name}"] = reverse("plan", args=[plan.pk])
    pages["host, maintenance"] = reverse("host", args=[host.pk]) + "?tab=maintenance"
    pages["maintenance of hosts, as a page"] = reverse("hosts_maintenance") + f"?host={host.pk}&host={second.pk}"
    pages["VM, rules"] = reverse("vm", args=[odd[0].uuid]) + "?tab=rules"
    pages["cluster, affinity"] = reverse("cluster", args=[host.cluster_id]) + "?tab=affinity"
    pages["affinity group"] = reverse("affinity_edit", args=[host.cluster_id, group.pk])
    return pages


def _running(host: Host, terms: Terms) -> Plan:
    plan = make_plan(SHELL, [host], title="Runs now", reason="", terms=terms)
    now = timezone.now()
    _set(plan, PlanState.RUNNING, started_at=now - timedelta(minutes=4), window_ends_at=now + timedelta(minutes=1))
    seat = PlanHost.objects.get(plan=plan)
    _set(seat, PlanHostState.DRAINING, started_at=now - timedelta(minutes=4))
    states = [PlanMoveState.DONE, PlanMoveState.FAILED, PlanMoveState.LEFT, PlanMoveState.RUNNING]
    for move, state in zip(seat.moves.all(), states, strict=False):
        _set(move, state, started_at=now - timedelta(minutes=3), because="It says why, at some length.")
    steps = (PlanStepState.DONE, PlanStepState.RUNNING, PlanStepState.ASKING, PlanStepState.FAILED)
    for step, state in zip(PlanStep.objects.filter(plan_host=seat), steps, strict=True):
        _set(step, state, started_at=now - timedelta(minutes=2), output="a line of output " * 40 + "\nand the next")
    return plan


def _ended(terms: Terms, destination: Host) -> Plan:
    host = make_host("was-emptied", cluster=destination.cluster)
    for number in range(3):
        make_vm(f"went-{number}", host=host)
    plan = make_plan(SHELL, [host], title="Has ended", reason="", terms=terms)
    now = timezone.now()
    _set(plan, PlanState.FINISHED, started_at=now - timedelta(minutes=9), ended_at=now)
    seat = PlanHost.objects.get(plan=plan)
    _set(seat, PlanHostState.DONE, started_at=now - timedelta(minutes=9), empty_at=now, ended_at=now)
    for move in seat.moves.all():
        state = PlanMoveState.FAILED if move.position == 1 else PlanMoveState.DONE
        _set(move, state, started_at=now - timedelta(minutes=2), ended_at=now, because="It says why.")
    return plan


def _set(row: Plan | PlanHost | PlanMove | PlanStep, state: Any, **fields: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(state=str(state), **fields)
