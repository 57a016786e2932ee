"""The burn-down of a plan, for its curve."""

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter.maintenance.burndown import told
from datacenter.screens.maintenance_plan import find


@require_safe
def plan_burndown(request: HttpRequest, pk: int) -> JsonResponse:
    """Times are seconds since the epoch. ``fact`` and ``forecast`` are steps ``[[at], [left]]``. Four queries."""
    plan = find(pk)
    now = timezone.now()
    return JsonResponse(told(plan, now))
