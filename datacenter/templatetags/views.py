"""The saved views of a list, for its toolbar."""

from typing import Any

from django import template
from django.db.models import Q

from datacenter.models import SavedView

register = template.Library()


@register.simple_tag(takes_context=True)
def saved_views(context: dict[str, Any], listing: str) -> list[SavedView]:
    """One's own and everybody's, by name. One query."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return []
    mine = Q(owner=user.pk) | Q(shared=True)
    return list(SavedView.objects.filter(mine, listing=listing).select_related("owner").order_by("name", "pk")[:100])
