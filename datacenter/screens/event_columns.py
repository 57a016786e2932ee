"""The columns of every list of events: the one over all, an object's tab, what belongs to one order."""

from datacenter.screens.listing import Column

COLUMNS = (
    Column(key="at", label="When", sort="at", optional=False),
    Column(key="severity", label="Severity", optional=False, width="c-wide"),
    Column(key="object", label="Object", optional=False),
    Column(key="what", label="What", optional=False),
    Column(key="because", label="Reason", width="c-wide"),
    Column(key="actor", label="By", sort="actor", width="c-wide"),
)
