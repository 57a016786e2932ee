"""A real SMTP server on the loopback, and what it got."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.maintenance.steps.sshd import free_port


class Mailbox:
    """``answer``: what it says to each letter."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.to: list[list[str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.to.append(envelope.rcpt_tos)
            self.letters.append(message_from_bytes(envelope.content or b"", policy=default))  # type: ignore[arg-type]
        return self.answer

    @property
    def subjects(self) -> list[str]:
        return [letter["Subject"] for letter in self.letters]

    def text(self, number: int = -1) -> str:
        letter: EmailMessage = self.letters[number]
        return str(letter.get_content()).replace("\r\n", "\n")


@contextmanager
def open_mailbox(settings: Any) -> Iterator[Mailbox]:
    """Serve, with Django's settings pointing there."""
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", controller.port, False
    settings.DEFAULT_FROM_EMAIL = "Godwit <godwit@dc.example>"
    settings.CSRF_TRUSTED_ORIGINS = ["https://godwit.example"]
    try:
        yield box
    finally:
        controller.stop()
