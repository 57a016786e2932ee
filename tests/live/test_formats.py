"""Figures become text as a page's first paint writes it; what is no figure is left out."""

import pytest
from django.apps import apps

from datacenter.live.formats import FIGURES, texts
from datacenter.rows import ROWS


def test_it_writes_each_figure_by_its_name():
    assert texts({"cpu_percent": 12.34, "net_rx_rate": 2048, "memory_used_bytes": None, "verdict": "Copying."}) == {
        "cpu_percent": ["12 %", 12.34],
        "net_rx_rate": ["2 KiB/s", 2048],
        "memory_used_bytes": ["–", None],
        "verdict": ["Copying.", "Copying."],
    }


def test_it_leaves_out_what_is_no_figure():
    assert texts({"disks": [], "device": {}, "persistent": True}) == {}


@pytest.mark.parametrize("noun", FIGURES)
def test_every_field_exists_on_its_row(noun):
    model = apps.get_model("hosts", noun)
    assert set(FIGURES[noun]) <= {field.name for field in model._meta.get_fields()}
    assert noun in ROWS
