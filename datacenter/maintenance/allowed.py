"""Whether a person may have this done on these hosts, and whether it could be done: asked before anything is saved."""

from collections.abc import Sequence
from typing import Any

from datacenter.access import Verb, can
from datacenter.maintenance import steps
from datacenter.maintenance.terms import Terms, TermsRefused, validate
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import Host


def check_steps(user: Any, hosts: Sequence[Host], terms: Terms, *, before: Terms | None = None) -> None:
    """Only an administrator says what runs on a host; an operator may keep what stands ``before``. Forbidden, Refused.

    Terms that make no sense are refused too, and hosts whose SSH key changed or is not known.
    """
    try:
        validate(terms)
        if terms.steps == (before.steps if before else ()):
            return
        if steps.for_administrators(terms.steps) and not all(can(user, Verb.ADMINISTER, host) for host in hosts):
            raise Forbidden("Only an administrator may say what runs on a host.", field="steps")
        steps.check_hosts(terms.steps, hosts)
    except TermsRefused as exc:
        raise Refused(str(exc), field=exc.field) from exc
