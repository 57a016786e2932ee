"""The registry, the templates and the pages agree: a fragment that is missing on either side fails here."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from datacenter.live.fragments import FOLLOWS_FIGURES, FRAGMENTS, template_of

TEMPLATES = Path(settings.BASE_DIR) / "templates"
LIVE = re.compile(r'data-live="(?P<noun>\w+)(?::[^"/]*)?/(?P<part>\w+)"')


@pytest.mark.parametrize("fragment", sorted(FRAGMENTS))
def test_it_has_a_template_that_names_its_own_fragment_and_one_id(fragment):
    template = get_template(template_of(fragment))
    source = Path(template.origin.name).read_text()
    named = [f"{match['noun']}/{match['part']}" for match in LIVE.finditer(source)]
    assert named[:1] == [fragment]
    outermost = re.search(r"<[a-z][^>]*data-live=[^>]*>", source, re.DOTALL)
    assert re.search(r'\bid="', outermost[0])


def test_every_live_element_of_every_template_is_registered():
    used = {
        f"{match['noun']}/{match['part']}"
        for path in TEMPLATES.rglob("*.html")
        for match in LIVE.finditer(path.read_text())
    }
    assert used - FRAGMENTS == set()


def test_what_follows_figures_is_a_fragment():
    assert FOLLOWS_FIGURES <= FRAGMENTS


@pytest.mark.parametrize(
    ("fragment", "template"),
    [("vm/row", "vms/_row.html"), ("counts/running", "counts/_running.html"), ("cluster/row", "clusters/_row.html")],
)
def test_it_finds_its_template_by_its_name(fragment, template):
    assert template_of(fragment) == template
