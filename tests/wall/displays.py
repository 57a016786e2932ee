"""Displays for tests, with their links."""

import itertools
from typing import Any

from django.db.models import Model

from datacenter.models import Display
from datacenter.wall.links import new_link

_numbers = itertools.count(1)


def make_display(name: str = "", *, of: Model | None = None, **fields: Any) -> tuple[Display, str]:
    """A display of a data center or a cluster (None: of everything), and its link."""
    display = Display(name=name or f"wall {next(_numbers)}", made_by="ann", **fields)
    if of is not None:
        display.scope, display.scope_pk = type(of).__name__.lower(), of.pk
    link = new_link(display)
    display.save()
    return display, link
