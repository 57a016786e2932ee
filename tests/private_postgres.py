"""pytest plugin (``-p tests.private_postgres``): the tests' own PostgreSQL, unless DATABASE_URL names another.

A run's database carries the run's pid, so that several runs in one clone do not meet. Workers of xdist inherit the URL.
"""

import os
from collections.abc import Generator
from typing import IO

import pytest

from datacenter.database import var_folder
from datacenter.management.lent_postgres import borrow

_held: list[IO[str]] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """Before pytest-django reads the settings."""
    if "DATABASE_URL" not in os.environ:
        url, hold = borrow(var_folder())
        _held.append(hold)  # open until this process ends
        os.environ["DATABASE_URL"] = f"{url}_{os.getpid()}"
    return (yield)
