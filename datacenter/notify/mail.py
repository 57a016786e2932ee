"""One letter to the mail server that is set up."""

from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from datacenter.notify.tries import NotSent


def send(*, subject: str, body: str, to: Sequence[str], name: str) -> None:
    """Hand it over. ``name`` is the same for each try of one letter: a second copy is known as one. NotSent."""
    if not settings.EMAIL_HOST:
        raise NotSent("No mail server is set up (GODWIT_SMTP_HOST).", again=False)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    message = EmailMessage(
        subject=" ".join(subject.split())[:200],  # nothing that could become a header of its own
        body=body,
        to=list(to),
        headers={"Message-ID": f"<godwit-{name}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except (SMTPException, OSError) as exc:
        raise NotSent(f"The mail server {settings.EMAIL_HOST} did not take it: {exc}") from exc
