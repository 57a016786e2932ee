"""Colours of static/css/tokens.css: text on its ground has at least 4.5:1 in both themes (WCAG AA)."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
GROUNDS = ("ground", "surface", "raised")
STATES = ("ok", "busy", "warning", "failed", "maintenance", "unknown")


def theme(name: str) -> dict[str, str]:
    block = next(b for head, b in re.findall(r"([^{}]+)\{([^{}]+)\}", TOKENS) if f'[data-bs-theme="{name}"]' in head)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_it_reads_well_in_this_theme(name: str) -> None:
    colours = theme(name)
    pairs = [(text, ground) for text in ("text", "muted", "accent", "off", *STATES) for ground in GROUNDS]
    pairs += [(state, f"{state}-soft") for state in STATES]
    pairs += [("on-accent", "accent"), ("accent", "accent-soft"), ("text", "accent-soft"), ("text", "line-soft")]
    poor = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def test_it_knows_what_contrast_is() -> None:
    assert round(contrast("#000000", "#ffffff"), 1) == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
