"""People who are told things, and the mail server that tells them."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from notifications.models import Delivery, Recipient
from notifications.services import confirm_payment, send_code
from opencore.sealing import seal
from tests.notifications import fakes
from tests.notifications.fakes import MailServer

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
CODE = "48151623"


@pytest.fixture
def ada() -> UUID:
    return uuid4()


@pytest.fixture
def mallory() -> UUID:
    return uuid4()


@pytest.fixture
def recipient(ada: UUID) -> Recipient:
    """ada, of whom notifications have heard."""
    return Recipient.objects.create(user_id=ada, email="ada@example.com")


@pytest.fixture
def mail_server(settings: Settings) -> type[MailServer]:
    """The mail server, empty and working."""
    settings.EMAIL_BACKEND = fakes.NAME
    MailServer.reset()
    return MailServer


@pytest.fixture
def receipt(recipient: Recipient) -> Callable[[], Delivery]:
    """Schedule a receipt for ada, of a payment of its own each time."""

    def schedule() -> Delivery:
        event_id = uuid4()
        confirm_payment(
            user_id=recipient.user_id,
            payment_id=uuid4(),
            amount_minor=1999,
            currency="EUR",
            event_id=event_id,
            now=NOW,
        )
        return Delivery.objects.get(event_id=event_id)

    return schedule


def request_code(
    *, expires_at: datetime, event_id: UUID | None = None, now: datetime = NOW
) -> None:
    """Let ada be sent the code."""
    send_code(
        email="ada@example.com",
        sealed_code=seal(CODE),
        expires_at=expires_at,
        event_id=event_id or uuid4(),
        now=now,
    )
