"""The form of a policy: what a person types, and the policy it makes. Rates in MiB/s, pauses in ms."""

import re
from typing import Any

from django import forms

from hosts.livemigration.policy import MIB, Arrival, Do, Method, Policy, Step, Stuck

METHODS = (
    (Method.ADAPTIVE, "Adaptive: what the pause will be, and whether it can ever fit"),
    (Method.PASSES, "By passes: the steps below, one a look (oVirt)"),
    (Method.TIME, "By time: the steps below, seconds for each GiB (Nova)"),
    (Method.DOUBLING, "By doubling: the pause doubles when nothing shrinks (Proxmox)"),
    (Method.BY_HAND, "By hand: nothing is turned by itself"),
)
WAYS = (
    (Stuck.WAIT, "Wait"),
    (Stuck.THROTTLE, "Throttle: slow the guest down"),
    (Stuck.POSTCOPY, "Switch to post-copy"),
    (Stuck.PAUSE, "Pause the guest to finish"),
    (Stuck.CANCEL, "Cancel"),
)
ARRIVALS = (
    (Arrival.UNLOCKED, "Where no lock protects its disks"),
    (Arrival.ALWAYS, "Always"),
    (Arrival.NEVER, "Never"),
)
_STEP = re.compile(r"(\d{1,6})\s*:\s*(?:(\d{1,7})\s*ms|(post-copy|cancel))", re.IGNORECASE)
#: form field -> policy field, where they are called differently
_FIELDS = {"bandwidth_mib": "bandwidth"}


class PolicyForm(forms.Form):
    """All that a policy says. What contradicts itself is told by the policy's own check."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=500, required=False)
    method = forms.ChoiceField(choices=METHODS)
    concurrent = forms.IntegerField(min_value=1, max_value=100, required=False)
    bandwidth_mib = forms.IntegerField(min_value=1, max_value=1_048_575, required=False)
    initial_downtime_ms = forms.IntegerField(min_value=1, max_value=2_000_000, required=False)
    max_downtime_ms = forms.IntegerField(min_value=1, max_value=2_000_000)
    steps = forms.CharField(max_length=2000, required=False)
    look_every_s = forms.FloatField(min_value=0, max_value=3600)
    auto_converge = forms.BooleanField(required=False)
    compression = forms.BooleanField(required=False)
    parallel = forms.IntegerField(min_value=0, max_value=255)
    tls = forms.BooleanField(required=False)
    zero_copy = forms.BooleanField(required=False)
    arrival = forms.ChoiceField(choices=ARRIVALS, required=False)
    postcopy = forms.BooleanField(required=False)
    when_stuck = forms.ChoiceField(choices=WAYS)
    otherwise = forms.ChoiceField(choices=WAYS)
    deadline_s_per_gib = forms.IntegerField(min_value=1, max_value=86_400, required=False)
    deadline_least_s = forms.IntegerField(min_value=1, max_value=604_800)

    def clean_steps(self) -> tuple[Step, ...]:
        """ "1: 150 ms" a line, or "42: cancel", "3: post-copy"."""
        return tuple(_step(line, number) for number, line in enumerate(_lines(self.cleaned_data["steps"]), start=1))

    def policy(self) -> Policy:
        """What was typed, as a policy that is not checked yet."""
        given = {key: value for key, value in self.cleaned_data.items() if key not in ("name", "description")}
        bandwidth = given.pop("bandwidth_mib")
        return Policy(
            **given
            | {
                "bandwidth": bandwidth * MIB if bandwidth else None,
                "method": Method(given["method"]),
                "when_stuck": Stuck(given["when_stuck"]),
                "otherwise": Stuck(given["otherwise"]),
                "arrival": Arrival(given["arrival"] or Arrival.UNLOCKED),
            }
        )

    def blame(self, field: str | None, words: str) -> None:
        """Show a refusal at the field at fault."""
        names = {policy: form for form, policy in _FIELDS.items()}
        name = names.get(field or "", field)
        self.add_error(name if name in self.fields else None, words)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _step(line: str, number: int) -> Step:
    found = _STEP.fullmatch(line)
    if found is None:
        raise forms.ValidationError(f"Line {number}, “{line[:40]}”: write “1: 150 ms”, “3: post-copy” or “42: cancel”.")
    after, milliseconds, word = found.groups()
    if milliseconds is not None:
        return Step(after=int(after), value=int(milliseconds))
    return Step(after=int(after), do=Do.POSTCOPY if word.lower() == "post-copy" else Do.CANCEL)


def typed(policy: Policy) -> dict[str, Any]:
    """A policy as the form shows it."""
    fields = {name: getattr(policy, name) for name in PolicyForm.base_fields if hasattr(policy, name)}
    words = {Do.POSTCOPY: "post-copy", Do.CANCEL: "cancel"}
    lines = [f"{step.after}: {words.get(step.do) or f'{step.value} ms'}" for step in policy.steps]
    bandwidth = policy.bandwidth // MIB if policy.bandwidth else None
    return fields | {"steps": "\n".join(lines), "bandwidth_mib": bandwidth}
