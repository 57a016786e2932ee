"""Why an order was not taken: a sentence for the person who gave it."""


class Refused(Exception):
    """The order makes no sense now. ``field`` names the form field at fault, if one is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Forbidden(Refused):
    """The person may not give this order."""
