"""People's sessions and accounts as pages show them."""

import re

from django import template

from datacenter.models import UserSession

register = template.Library()

#: the first that fits: browsers name each other
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(session: UserSession) -> str:
    """ "Firefox on Linux", from what the browser says of itself; that may be anything."""
    name = next((word for mark, word in _BROWSERS if mark in session.agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in session.agent), "")
    if name and system:
        return f"{name} on {system}"
    return name or system or re.sub(r"[^\w./ -]", "", session.agent)[:40] or "Unknown"
