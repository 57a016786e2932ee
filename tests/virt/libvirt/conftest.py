"""The lab, for what only real hosts can show."""

from tests.lab.conftest import lab, standing_lab

__all__ = ["lab", "standing_lab"]
