"""A step's terms …"""

import pytest

from datacenter.maintenance import steps
from datacenter.maintenance.steps import FIELDS
from datacenter.maintenance.terms import StepTerms, TermsRefused
from datacenter.models import PlanStep

NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "when", "params", "field"),
    [
        ("dance", "empty", {}, "steps-2-kind"),
        ("confirm", "later", {"text": "Done?"}, "steps-2-when"),
        ("command", "empty", {}, "steps-2-command"),
        ("command", "empty", {"command": "   "}, "steps-2-command"),
        ("command", "empty", {"command": "a\x00b"}, "steps-2-command"),
        ("command", "empty", {"command": "a\x1b[31m"}, "steps-2-command"),
        ("command", "empty", {"command": "x" * 4097}, "steps-2-command"),
        ("command", "empty", {"command": ["ls"]}, "steps-2-command"),
        ("command", "empty", {"command": "ls", "deadline_s": 0}, "steps-2-deadline_s"),
        ("command", "empty", {"command": "ls", "deadline_s": 86_401}, "steps-2-deadline_s"),
        ("command", "empty", {"command": "ls", "deadline_s": "60"}, "steps-2-deadline_s"),
        ("command", "empty", {"command": "ls", "deadline_s": NAN}, "steps-2-deadline_s"),
        ("command", "empty", {"command": "ls", "deadline_s": True}, "steps-2-deadline_s"),
        ("command", "empty", {"command": "ls", "user": "root"}, "steps-2-user"),
        ("reboot", "before", {}, "steps-2-when"),
        ("reboot", "after", {}, "steps-2-when"),
        ("reboot", "empty", {"deadline_s": 5}, "steps-2-deadline_s"),
        ("health", "empty", {"memory_tolerance_percent": 51}, "steps-2-memory_tolerance_percent"),
        ("webhook", "empty", {}, "steps-2-url"),
        ("webhook", "empty", {"url": "http://169.254.169.254/latest"}, "steps-2-url"),
        ("webhook", "empty", {"url": "https://u:p@a.example/"}, "steps-2-url"),
        ("webhook", "empty", {"url": "https://a.example/", "deadline_s": 61}, "steps-2-deadline_s"),
        ("webhook", "empty", {"url": "https://a.example/", "tries": 0}, "steps-2-tries"),
        ("confirm", "empty", {}, "steps-2-text"),
        ("confirm", "empty", {"text": "a\nb"}, "steps-2-text"),
        ("confirm", "empty", "text", "steps-2"),
    ],
)
def test_they_are_refused_with_the_field_and_the_reason(kind: str, when: str, params: object, field: str) -> None:
    with pytest.raises(TermsRefused) as refused:
        steps.validate(StepTerms(when=when, kind=kind, params=params), "steps-2")  # type: ignore[arg-type]
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("kind", "when", "params"),
    [
        ("command", "before", {"command": "apt-get -y upgrade\nneedrestart -b", "deadline_s": 3600}),
        ("command", "empty", {"command": "uname -r", "deadline_s": None}),
        ("reboot", "empty", {}),
        ("health", "after", {"memory_tolerance_percent": 0, "deadline_s": ""}),
        ("webhook", "empty", {"url": "https://hooks.example.com/in?x=1", "tries": 1}),
        ("confirm", "empty", {"text": "Has the DIMM been changed?"}),
    ],
)
def test_they_pass_where_they_make_sense(kind: str, when: str, params: dict[str, object]) -> None:
    steps.validate(StepTerms(when=when, kind=kind, params=params), "steps-0")


def test_every_kind_has_fields_and_a_file_that_drives_it() -> None:
    assert set(FIELDS) == set(PlanStep.Kind.values)
    for kind in PlanStep.Kind.values:
        assert steps._kind(PlanStep(kind=kind)).begin


@pytest.mark.parametrize(
    ("kind", "params", "theirs"),
    [
        ("command", {"command": "true"}, True),
        ("reboot", {"command": "kexec -e"}, True),
        ("reboot", {"command": "systemctl reboot"}, False),
        ("reboot", {}, False),
        ("health", {}, False),
        ("webhook", {"url": "https://a.example/"}, False),
        ("confirm", {"text": "Done?"}, False),
    ],
)
def test_only_a_command_of_somebodys_is_for_administrators(kind: str, params: dict[str, str], theirs: bool) -> None:
    assert steps.for_administrators([StepTerms(kind=kind, params=params)]) is theirs
