"""Carries plans out: from rows alone, so that any worker goes on where another one died."""

from datacenter.models.plan import Plan
from hosts.virt.clock import Clock


async def keep() -> None:
    """The round of ``manage.py work``; until cancelled."""


def tick(plan: Plan, *, clock: Clock) -> None:
    """Look at the plan once and do what is due."""
