"""What operators see and do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from notifications.models import Delivery
from notifications.services import send_next_mail
from tests.notifications.conftest import CODE, NOW, request_code
from tests.notifications.fakes import MailServer

pytestmark = pytest.mark.django_db

DELIVERIES = "/admin/notifications/delivery/"


@pytest.fixture(autouse=True)
def operator(client: Client) -> None:
    """Let the client be an operator's."""
    client.force_login(
        get_user_model().objects.create(
            email="operator@example.com",
            role="operator",
            is_staff=True,
            is_superuser=True,
        )
    )


@pytest.mark.parametrize("page", ["notification", "delivery", "recipient"])
def test_an_operator_finds_rows(
    client: Client, receipt: Callable[[], Delivery], page: str
) -> None:
    receipt()

    response = client.get(f"/admin/notifications/{page}/")

    assert response.status_code == 200


@pytest.mark.parametrize("page", ["notification", "delivery", "recipient"])
def test_nobody_adds_rows(client: Client, page: str) -> None:
    assert client.get(f"/admin/notifications/{page}/add/").status_code == 403


def test_a_code_is_never_shown(client: Client) -> None:
    request_code(expires_at=timezone.now() + timedelta(minutes=10), now=timezone.now())
    delivery = Delivery.objects.get()

    page = client.get(f"{DELIVERIES}{delivery.id}/change/").content.decode()

    assert "ada@example.com" in page
    assert CODE not in page
    assert delivery.sealed_code not in page


def test_shows_how_each_try_ended(
    client: Client, receipt: Callable[[], Delivery], mail_server: type[MailServer]
) -> None:
    delivery = receipt()
    mail_server.failure = ConnectionRefusedError("no mail today")
    send_next_mail(now=NOW)

    page = client.get(f"{DELIVERIES}{delivery.id}/change/").content.decode()

    assert "ConnectionRefusedError: no mail today" in page


def test_an_operator_sends_mail_again(
    client: Client, receipt: Callable[[], Delivery], mail_server: type[MailServer]
) -> None:
    delivery = receipt()
    send_next_mail(now=NOW)

    response = client.post(
        DELIVERIES,
        {"action": "send_once_more", "_selected_action": [str(delivery.id)]},
        follow=True,
    )

    delivery.refresh_from_db()
    assert delivery.status == "scheduled"
    assert b"Scheduled 1 of 1; 0 are codes or on their way." in response.content
