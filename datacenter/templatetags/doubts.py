"""Open doubts, for the red notices."""

from django import template

from hosts.models import VM, Doubt

register = template.Library()


@register.simple_tag
def doubt_about(vm: VM) -> Doubt | None:
    """The open one about this VM. One query."""
    return Doubt.about(vm)


@register.simple_tag
def open_doubts() -> list[Doubt]:
    """All that are open, newest first; at most 20. One query."""
    found = Doubt.objects.filter(resolved_at=None).select_related("vm", "first", "second")
    return list(found.only("because", "vm__name", "first__name", "second__name")[:20])
