"""The settings as they are, but the collector also logs each event of a host with the time at which it was heard."""

from datacenter.settings import *  # noqa: F403
from datacenter.settings import LOGGING

LOGGING = {**LOGGING, "loggers": {**LOGGING["loggers"], "hosts.telemetry.events": {"level": "DEBUG"}}}
