"""Where a vendored front-end file lies: its version stands in static/vendor/manifest.json and nowhere else."""

import json
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static

register = template.Library()


@cache
def _paths() -> dict[tuple[str, str], str]:
    manifest = Path(settings.BASE_DIR) / "static" / "vendor" / "manifest.json"
    files = json.loads(manifest.read_text())["files"]
    return {(each["name"], each["file"].rsplit("/", 1)[1]): f"vendor/{each['file']}" for each in files}


@register.simple_tag
def vendored(name: str, file: str) -> str:
    """The address of a package’s file: {% vendored "htmx.org" "htmx.min.js" %}. Else KeyError."""
    return static(_paths()[name, file])
