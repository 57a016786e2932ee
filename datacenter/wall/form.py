"""The form of a display: its name, what it may show, its rotation, until when."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.db.models import Model

from datacenter.access import SYSTEM, System, Verb, can, visible
from datacenter.models import Display
from datacenter.wall.rotation import LONGEST_S, SHORTEST_S
from datacenter.wall.scenes import SCENES
from hosts.models import Cluster, DataCenter

_SHORT = f"Seconds, {SHORTEST_S} to {LONGEST_S}."


class DisplayForm(forms.Form):
    """``scope`` is "system", "datacenter:3" or "cluster:7"; a scene has ``seconds_KEY``, 0 or nothing: not shown."""

    name = forms.CharField(max_length=80)
    scope = forms.CharField(max_length=40)
    theme = forms.ChoiceField(choices=Display.Theme.choices)
    comes_forward = forms.BooleanField(required=False)
    good_until = forms.DateField(required=False, input_formats=["%Y-%m-%d"])

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        for key in SCENES:
            self.fields[f"seconds_{key}"] = forms.IntegerField(min_value=0, max_value=LONGEST_S, required=False)
            self.fields[f"place_{key}"] = forms.IntegerField(min_value=1, max_value=99, required=False)

    def clean_good_until(self) -> datetime | None:
        """The end of that day, UTC."""
        day = self.cleaned_data["good_until"]
        return datetime.combine(day, time(23, 59, 59), UTC) if day else None

    def clean(self) -> dict[str, Any]:
        """``scenes``: those with seconds, in the order of their places."""
        given = super().clean() or self.cleaned_data
        found = []
        for key in SCENES:
            seconds = given.get(f"seconds_{key}")
            if seconds and seconds < SHORTEST_S:
                self.add_error(f"seconds_{key}", _SHORT)
            if seconds:
                found.append((given.get(f"place_{key}") or 99, key, seconds))
        if not found:
            self.add_error(None, "A display shows at least one scene: give one its seconds.")
        given["scenes"] = [[key, seconds] for _, key, seconds in sorted(found, key=lambda each: each[0])]
        return given

    def scene_rows(self) -> list[tuple[Any, Any, Any]]:
        """For the template: the scene, its field for seconds, its field for the place."""
        return [(scene, self[f"seconds_{key}"], self[f"place_{key}"]) for key, scene in SCENES.items()]


def typed(display: Display) -> dict[str, Any]:
    """A row as the form shows it."""
    shown = {key: (place, seconds) for place, (key, seconds) in enumerate(display.scenes, start=1)}
    return {
        "name": display.name,
        "scope": display.scope if display.scope_pk is None else f"{display.scope}:{display.scope_pk}",
        "theme": display.theme,
        "comes_forward": display.comes_forward,
        "good_until": display.expires_at and display.expires_at.date(),
        **{f"place_{key}": place for key, (place, _) in shown.items()},
        **{f"seconds_{key}": seconds for key, (_, seconds) in shown.items()},
    }


def scopes_of(user: Any) -> list[tuple[str, str]]:
    """What ``user`` may give out as displays: value and words."""
    found = [("system", "All data centers")] if can(user, Verb.DISPLAY, SYSTEM) else []
    found += [(f"datacenter:{row.pk}", row.name) for row in _may(user, DataCenter)]
    return found + [(f"cluster:{row.pk}", f"{row.datacenter.name}, {row.name}") for row in _may(user, Cluster)]


def _may(user: Any, model: Any) -> Iterable[Any]:
    rows = model.objects.order_by("name")
    return visible(user, rows.select_related("datacenter") if model is Cluster else rows, Verb.DISPLAY)


def target_of(scope: str) -> Model | System | None:
    """What a value of ``scope`` names; None where there is no such thing."""
    level, _, pk = scope.partition(":")
    if scope == "system":
        return SYSTEM
    model: Any = {"datacenter": DataCenter, "cluster": Cluster}.get(level)
    if model is None or not pk.isascii() or not pk.isdigit() or len(pk) > 12:
        return None
    found: Model | None = model.objects.filter(pk=int(pk)).first()
    return found
