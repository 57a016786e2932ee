"""The form of a token: what it may, where, until when; for an administrator also whose it is."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from datacenter.access import Verb, can, visible
from datacenter.access.verbs import GROUPS
from datacenter.models import User
from datacenter.orders.tokens import ROOTS, longest
from hosts.models import VM

_DAYS = 90


class TokenForm(forms.Form):
    """``roots`` are "cluster:3"; none chosen: wherever the owner may. Only verbs that the person has are offered."""

    name = forms.CharField(max_length=60, error_messages={"required": "A token needs a name, such as what uses it."})
    owner = forms.ModelChoiceField(queryset=User.objects.none(), required=False)
    verbs = forms.MultipleChoiceField(choices=(), required=False)
    roots = forms.MultipleChoiceField(choices=(), required=False)
    good_until = forms.DateField(
        input_formats=["%Y-%m-%d"],
        error_messages={"required": "A token needs an end.", "invalid": "A date such as 2027-03-31."},
    )

    def __init__(self, data: Any = None, *, user: Any) -> None:
        super().__init__(data, initial={"good_until": last_day(_DAYS).isoformat(), "verbs": [Verb.VIEW.value]})
        self.user = user
        verbs: Any = self.fields["verbs"]
        verbs.choices = [(verb.value, verb.value) for verb in Verb]
        roots: Any = self.fields["roots"]
        roots.choices = _roots(user)
        if can(user, Verb.ADMINISTER):
            owner: Any = self.fields["owner"]
            owner.queryset = User.objects.filter(is_active=True).order_by("username")

    def clean_good_until(self) -> datetime:
        """The end of that day, UTC."""
        return datetime.combine(self.cleaned_data["good_until"], time(23, 59, 59), UTC)

    def given(self) -> dict[str, Any]:
        """For the order. Only after ``is_valid()``."""
        said = self.cleaned_data
        roots = [each.split(":") for each in said["roots"]]
        return {
            "name": said["name"],
            "verbs": said["verbs"],
            "roots": [(noun, int(pk)) for noun, pk in roots] or None,
            "expires_at": said["good_until"],
        }

    def verb_groups(self) -> list[tuple[str, list[tuple[Any, bool]]]]:
        """Headings with the verbs that the person has anywhere, and whether each is ticked."""
        ticked = set(self["verbs"].value() or ())
        offered = [
            (heading, [(each, each.verb.value in ticked) for each in words if can(self.user, each.verb)])
            for heading, words in GROUPS
        ]
        return [(heading, words) for heading, words in offered if words]

    def root_choices(self) -> list[tuple[str, str, bool]]:
        """Value, label, chosen."""
        chosen = set(self["roots"].value() or ())
        field: Any = self.fields["roots"]
        return [(value, label, value in chosen) for value, label in field.choices]


def last_day(days: int) -> date:
    """So many days from today, or as many as a token may live."""
    return timezone.now().date() + min(timedelta(days=days), longest())


def _roots(user: Any) -> list[tuple[str, str]]:
    """Data centers, clusters and hosts that the person sees. Single VMs are chosen by the API's own clients."""
    labels = {"datacenter": "Data center", "cluster": "Cluster", "host": "Host"}
    return [
        (f"{noun}:{row.pk}", f"{labels[noun]} {row}")
        for noun, model in ROOTS.items()
        if model is not VM
        for row in visible(user, model._default_manager.order_by("name"))
    ]
