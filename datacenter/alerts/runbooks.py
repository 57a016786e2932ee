"""The runbooks: docs/runbooks/<kind>.md, one for each kind of alert, shown in the program as they stand there."""

import re
from functools import cache

from django.conf import settings
from django.urls import reverse
from markdown_it import MarkdownIt

from datacenter.models import AlertKind

#: from one runbook to another, as the files name each other
_LINK = re.compile(r'href="([a-z_]+)\.md"')
FOLDER = settings.BASE_DIR / "docs" / "runbooks"


@cache
def read(kind: AlertKind) -> str:
    """The page as HTML, without its title: the page that shows it has one. HTML in it would stand there as text."""
    text = (FOLDER / f"{kind.value}.md").read_text(encoding="utf-8")
    body = text.partition("\n")[2] if text.startswith("# ") else text
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(body)
    return _LINK.sub(lambda link: f'href="{reverse("runbook", args=[link[1]])}"', html)
