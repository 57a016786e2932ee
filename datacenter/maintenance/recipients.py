"""Whom a report is mailed to."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

_MOST = 20
_LONGEST = 300


class RecipientsRefused(ValueError):
    """This is nobody a report can be mailed to: a sentence for the person."""


def addresses(text: str) -> list[str]:
    """Mail addresses, separated by commas, semicolons or spaces."""
    return text.replace(",", " ").replace(";", " ").split()


def check(text: str) -> None:
    """Refuse what is no address, and mail at all where no mail server is set up. RecipientsRefused."""
    found = addresses(text)
    if len(text) > _LONGEST or len(found) > _MOST or any(ord(each) < 32 for each in text):
        raise RecipientsRefused(f"A report goes to {_MOST} addresses at most, {_LONGEST} characters, on one line.")
    for each in found:
        try:
            validate_email(each)
        except ValidationError as exc:
            raise RecipientsRefused(f"“{each}” is not a mail address.") from exc
    if found and not settings.EMAIL_HOST:
        raise RecipientsRefused("No mail server is set up (GODWIT_SMTP_HOST), so no report can be mailed.")
