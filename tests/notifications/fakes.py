"""A mail server with a switch."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

NAME = "tests.notifications.fakes.MailServer"


class MailServer(BaseEmailBackend):
    """Keeps what it gets; told of a failure, it raises that instead."""

    failure: ClassVar[BaseException | None] = None
    sent: ClassVar[list[EmailMessage]] = []
    while_sending: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        MailServer.while_sending()
        if MailServer.failure is not None:
            raise MailServer.failure
        MailServer.sent.extend(email_messages)
        return len(email_messages)

    @classmethod
    def reset(cls) -> None:
        cls.failure = None
        cls.sent = []
        cls.while_sending = staticmethod(lambda: None)
