"""Changing a plan: a VM's way, a host's place, the terms; a person's word on a step. Each computes it anew."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from datacenter import orders
from datacenter.maintenance import orders as ordered
from datacenter.maintenance import plans
from datacenter.maintenance.terms import Terms
from datacenter.models import AuditEntry, Plan, PlanHost, PlanMove, PlanStep
from datacenter.screens.errors import BadParameter
from datacenter.screens.maintenance_plan import find, forbidden, said, version_of
from datacenter.screens.plan import plan as candidates
from datacenter.screens.plan_view import in_order, moves_of, shown
from datacenter.screens.terms_form import TermsForm
from hosts.models import Host

#: what a person may choose for a VM
_ACTIONS = [choice for choice in PlanMove.Action.choices if choice[0] not in ("start", "ask")]


@require_http_methods(["GET", "HEAD", "POST"])
def plan_move(request: HttpRequest, pk: int, move: int) -> HttpResponse:
    """The dialog with the hosts that can take the VM; POST changes action, target and place, from form or address."""
    plan, row = find(pk), _move(pk, move)
    if request.method != "POST":
        return _dialog(request, plan, row)
    try:
        plans.change_move(request.user, plan, row, version=version_of(request), **_wanted(request, row))
    except orders.Refused as exc:
        if "dialog" in request.POST:  # the dialog: it keeps what was chosen
            return _dialog(request, find(pk), row, refused=exc)
        return conflict(request, pk, exc)
    return body(request, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_host(request: HttpRequest, pk: int, host: int) -> HttpResponse:
    """GET: the moves of one host, for a plan too large to show them at once; POST: its place, or that it is skipped."""
    plan, row = find(pk), _host(pk, host)
    if request.method != "POST":
        mine = in_order(moves_of(plan).filter(plan_host=row))
        return render(request, "plans/_moves.html", {"plan": plan, "moves": mine})
    try:
        plans.change_host(
            request.user,
            plan,
            row,
            version=version_of(request),
            position=_number(request.GET.get("position", "")),
            skip=True if request.GET.get("skip") else None,
        )
    except orders.Refused as exc:
        return conflict(request, pk, exc)
    return body(request, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_terms(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog; POST changes the terms."""
    plan = find(pk)
    form = TermsForm(request.POST or None, terms=Terms.from_json(plan.terms))
    if request.method == "POST" and form.is_valid():
        try:
            plans.change_terms(request.user, plan, version=version_of(request), terms=form.terms())
        except orders.Refused as exc:
            form.blame(exc.field, str(exc))
        else:
            return body(request, pk)
    response = render(
        request, "plans/_terms_form.html", {"plan": find(pk), "form": form}, status=422 if form.is_bound else 200
    )
    return _into_dialog(response) if form.is_bound else response


@require_POST
def plan_step(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """A person's word on a step that asks."""
    plan = find(pk)
    row = _first(PlanStep.objects.filter(plan_host__plan=pk, pk=step), "step")
    try:
        ok = request.POST.get("ok") == "yes"
        ordered.confirm_step(request.user, row, ok=ok, note=request.POST.get("note", "")[:300])
    except orders.Refused as exc:
        return said(request, plan, str(exc), refused=exc)
    return said(request, plan, "Confirmed; the plan goes on." if ok else "The step has failed; the roll stops here.")


def body(request: HttpRequest, pk: int, **also: Any) -> HttpResponse:
    """The page's body anew."""
    return render(request, "plans/_body.html", shown(find(pk), **also))


def conflict(request: HttpRequest, pk: int, exc: orders.Refused) -> HttpResponse:
    """The body as it is now, with the refusal and the newest changes on top: somebody else may have been faster."""
    lately = AuditEntry.objects.filter(noun="plan", row=pk, refused=False).order_by("-at")[:3]
    response = body(request, pk, refused=str(exc), changes=lately)
    response.status_code = 403 if forbidden(exc) else 409
    response["HX-Retarget"] = "#plan-body"
    return response


def _dialog(request: HttpRequest, plan: Plan, row: PlanMove, *, refused: orders.Refused | None = None) -> HttpResponse:
    here = row.plan_host.host.cluster_id
    choices = [each for each in candidates(row.vm, None, {}).choices if each.host.cluster_id == here]
    row.chosen_target = row.target_id if row.target_chosen else ""  # type: ignore[attr-defined]  # for the template
    context = {"plan": plan, "move": row, "choices": choices, "actions": _ACTIONS, "refused": str(refused or "")}
    response = render(request, "plans/_change.html", context)
    if refused is None:
        return response
    response.status_code = 403 if forbidden(refused) else 409
    return _into_dialog(response)


def _into_dialog(response: HttpResponse) -> HttpResponse:
    response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response


def _wanted(request: HttpRequest, row: PlanMove) -> dict[str, Any]:
    """What was asked for that is not so already. To migrate "as planned best" takes a person's target back."""
    given = {**request.GET.dict(), **request.POST.dict()}
    action, destination = given.get("action", ""), _number(given.get("destination", ""))
    wanted: dict[str, Any] = {}
    takes_back = action == PlanMove.Action.MIGRATE and row.target_chosen and "destination" in given and not destination
    if action and (action != row.action or takes_back):
        wanted["action"] = action
    chosen_already = row.target_chosen and row.target_id == destination
    if destination and not chosen_already and action in ("", row.action, PlanMove.Action.MIGRATE):
        wanted.pop("action", None)
        wanted["target"] = _first(Host.objects.filter(pk=destination), "host")
    if (place := _number(given.get("position", ""))) and place != row.position:
        wanted["position"] = place
    return wanted


def _number(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadParameter(f"“{text[:40]}” is not a whole number.")
    return int(text)


def _move(plan: int, pk: int) -> PlanMove:
    moves = PlanMove.objects.select_related(
        "vm__host__cluster__datacenter", "vm__migration_policy", "target", "plan_host"
    )
    row: PlanMove = _first(moves.filter(plan_host__plan=plan, pk=pk), "move")
    return row


def _host(plan: int, pk: int) -> PlanHost:
    row: PlanHost = _first(PlanHost.objects.select_related("host", "plan").filter(plan=plan, pk=pk), "host")
    return row


def _first(rows: Any, noun: str) -> Any:
    row = rows.first()
    if row is None:
        raise Http404(f"This plan has no such {noun}.")
    return row
