"""The migration page, its samples as JSON, and its knobs."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from datacenter import orders
from hosts.models import Adjustment, Migration

#: more points than a screen has pixels only cost; longer migrations are thinned evenly, first and last kept
MOST_POINTS = 3000
MIB = 2**20


@require_safe
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One migration: the same while it runs and months later."""
    rows = Migration.objects.select_related("vm", "source", "destination", "policy__policy")
    return render(request, "migrations/page.html", {"migration": get_object_or_404(rows, pk=pk)})


@require_safe
def samples(request: HttpRequest, pk: int) -> HttpResponse:
    """Columns of its samples, for the curve: seconds since the epoch, bytes, bytes/s. ``?since=`` gives only newer."""
    migration = get_object_or_404(Migration, pk=pk)
    try:
        since = datetime.fromtimestamp(float(request.GET.get("since", 0)), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return HttpResponseBadRequest("since is a number of seconds since the epoch.")
    rows = migration.samples.filter(at__gt=since)
    total = rows.count()
    if total > MOST_POINTS:
        step = total // MOST_POINTS + 1
        numbered = rows.annotate(n=Window(RowNumber(), order_by=F("at").desc()))
        rows = numbered.annotate(keep=F("n") % step).filter(keep=1)
    return JsonResponse(_columns(rows) | {"state": migration.state})


def _columns(rows: Any) -> dict[str, list[Any]]:
    names = ("at", "remaining_bytes", "processed_bytes", "throughput", "dirty_rate", "iteration")
    values = list(rows.order_by("at").values_list(*names))
    columns = {name: [row[i] for row in values] for i, name in enumerate(names)}
    columns["at"] = [at.timestamp() for at in columns["at"]]
    return columns


@require_POST
def adjust(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn a knob: kind and value (MiB/s or ms) of the form. Answers with a message; the page follows live."""
    migration = get_object_or_404(Migration.objects.select_related("vm"), pk=pk)
    kind = request.POST.get("kind", "")
    if kind not in dict(Adjustment.KINDS):
        return HttpResponseBadRequest("There is no such knob.")
    try:
        orders.adjust(request.user, migration, kind, _value(kind, request.POST.get("value", "").strip()))
    except orders.Forbidden as exc:
        return _answer(request, migration, str(exc), level=messages.ERROR, status=403)
    except orders.Refused as exc:
        return _answer(request, migration, str(exc), level=messages.ERROR, status=409)
    return _answer(request, migration, "Asked for; the curve shows when it takes effect.", level=messages.SUCCESS)


def _value(kind: str, text: str) -> int | None:
    if kind in (Adjustment.CANCEL, Adjustment.POSTCOPY) or (kind == Adjustment.BANDWIDTH and not text):
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise orders.Refused(f"“{text}” is not a whole number.", field="value")
    return int(text) * MIB if kind == Adjustment.BANDWIDTH else int(text)


def _answer(request: HttpRequest, migration: Migration, words: str, *, level: int, status: int = 200) -> HttpResponse:
    messages.add_message(request, level, words)
    if request.headers.get("HX-Request"):
        return render(request, "_messages.html", status=status)
    return redirect("migration", migration.pk)
