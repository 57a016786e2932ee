"""Which order is being carried out here: what it makes and what is written down meanwhile carries its identity."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID, uuid4

_order: ContextVar[UUID | None] = ContextVar("order", default=None)


@contextmanager
def following(correlation: UUID | None = None) -> Iterator[UUID]:
    """All that is ordered and written inside follows from one order: ``correlation``, or a new one."""
    given = correlation or uuid4()
    token = _order.set(given)
    try:
        yield given
    finally:
        _order.reset(token)


def current_order() -> UUID:
    """The order that is being carried out here, or a new one: the default of rows that are orders themselves."""
    return _order.get() or uuid4()
