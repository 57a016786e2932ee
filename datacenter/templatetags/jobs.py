"""Jobs in templates: a row as a job, and how many run."""

from typing import Any

from django import template
from django.db.models import Model

from datacenter import jobs
from datacenter.access import SHELL

register = template.Library()


@register.simple_tag
def job_of(row: Model) -> jobs.Job:
    """The row as a job."""
    return jobs.job_of(row)


@register.simple_tag(takes_context=True)
def jobs_running(context: dict[str, Any]) -> int:
    """How many jobs run of those that this person may see; painted live, of all there are. One query."""
    return jobs.count(context.get("user") or SHELL)
