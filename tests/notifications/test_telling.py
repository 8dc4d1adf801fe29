"""What people are told, where, and how often: once per event."""

from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from notifications.errors import RecipientUnknown
from notifications.models import Delivery, DeliveryAttempt, Notification, Recipient
from notifications.services import announce_expiry, confirm_payment, welcome
from notifications.services.sending import GAP
from opencore.sealing import unseal
from tests.notifications.conftest import CODE, NOW, request_code
from tests.notifications.fakes import MailServer

Commit: TypeAlias = DjangoCaptureOnCommitCallbacks

SOON = NOW + timedelta(minutes=10)


@pytest.mark.django_db
def test_welcomes_a_new_user_in_the_feed_and_by_mail(ada: UUID) -> None:
    event_id = uuid4()

    welcome(user_id=ada, email="ada@example.com", event_id=event_id, now=NOW)

    notification, delivery = Notification.objects.get(), Delivery.objects.get()
    assert Recipient.objects.get(user_id=ada).email == "ada@example.com"
    assert (notification.user_id, notification.type) == (ada, "welcome")
    assert (notification.event_id, notification.read_at) == (event_id, None)
    assert notification.title == "Welcome to OpenCore"
    assert notification.body == (
        "Your account for ada@example.com is ready.\n\n"
        "To sign in again, ask for a code with this address; you need no password.\n"
    )
    assert (delivery.notification, delivery.address) == (
        notification,
        "ada@example.com",
    )
    assert (delivery.subject, delivery.body) == (notification.title, notification.body)
    assert (delivery.status, delivery.next_attempt_at) == ("scheduled", NOW)


@pytest.mark.django_db
def test_welcomes_once_per_event(ada: UUID) -> None:
    event_id = uuid4()

    for _ in range(2):
        welcome(user_id=ada, email="ada@example.com", event_id=event_id, now=NOW)

    assert Recipient.objects.count() == 1
    assert Notification.objects.count() == 1
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
def test_confirms_a_payment(recipient: Recipient) -> None:
    payment_id = uuid4()

    confirm_payment(
        user_id=recipient.user_id,
        payment_id=payment_id,
        amount_minor=1999,
        currency="JPY",
        event_id=uuid4(),
        now=NOW,
    )

    notification = Notification.objects.get()
    assert notification.type == "payment_receipt"
    assert notification.title == "Payment received: 1999 JPY"
    assert notification.body == (
        f"Thank you: your payment of 1999 JPY was received.\n\nPayment {payment_id}\n"
    )
    assert notification.data == {
        "payment_id": str(payment_id),
        "amount_minor": 1999,
        "currency": "JPY",
    }
    assert Delivery.objects.get().address == "ada@example.com"


@pytest.mark.django_db
def test_announces_that_a_subscription_is_over(recipient: Recipient) -> None:
    subscription_id = uuid4()

    announce_expiry(
        user_id=recipient.user_id,
        subscription_id=subscription_id,
        plan="pro $1",
        expired_at=datetime(2028, 2, 29, tzinfo=UTC),
        event_id=uuid4(),
        now=NOW,
    )

    notification = Notification.objects.get()
    assert notification.type == "subscription_expired"
    assert notification.title == "Your subscription has ended"
    assert notification.body == (
        "The subscription to pro $1 ended on 2028-02-29 at 00:00 UTC.\n\n"
        "Subscribe again to go on using it.\n"
    )
    assert notification.data == {
        "subscription_id": str(subscription_id),
        "plan": "pro $1",
    }


@pytest.mark.django_db
def test_tells_nothing_before_the_recipient_is_known(ada: UUID) -> None:
    with pytest.raises(RecipientUnknown):
        confirm_payment(
            user_id=ada,
            payment_id=uuid4(),
            amount_minor=1,
            currency="EUR",
            event_id=uuid4(),
            now=NOW,
        )

    assert Notification.objects.count() == 0
    assert Delivery.objects.count() == 0


@pytest.mark.django_db
def test_a_stored_code_can_not_be_read() -> None:
    request_code(expires_at=SOON)

    delivery = Delivery.objects.get()
    assert Notification.objects.count() == 0
    assert (delivery.type, delivery.expires_at) == ("sign_in_code", SOON)
    assert f"Your sign-in code is {GAP}\n" in delivery.body
    assert CODE not in delivery.body + delivery.subject + delivery.sealed_code
    assert unseal(delivery.sealed_code) == CODE


@pytest.mark.django_db
def test_a_code_goes_out_as_soon_as_it_is_committed(
    mail_server: type[MailServer], django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        request_code(expires_at=SOON)
        assert mail_server.sent == []

    (message,) = mail_server.sent
    assert message.to == ["ada@example.com"]
    assert message.subject == "Your sign-in code"
    assert message.body == (
        f"Your sign-in code is {CODE}\n\n"
        "It is good until 12:10 UTC, and once."
        " Nobody from OpenCore will ask you for it.\n"
        "If you did not ask for it, do nothing: without it nobody gets in.\n"
    )


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_sent_after_the_commit_ends_nothing_and_stays_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_which: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("notifications.services.telling.send_next_mail", fail)

    request_code(expires_at=SOON)

    delivery = Delivery.objects.get()
    assert (delivery.next_attempt_at, delivery.sent_at) == (NOW, None)


@pytest.mark.django_db
def test_a_code_that_was_sent_is_kept_nowhere(
    mail_server: type[MailServer], django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        request_code(expires_at=SOON)

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.sent_at) == ("sent", NOW)
    assert delivery.sealed_code == ""
    assert GAP in delivery.body


@pytest.mark.django_db
@pytest.mark.parametrize("late", [timedelta(), timedelta(hours=1)])
def test_a_code_that_is_over_is_not_sent(
    mail_server: type[MailServer],
    django_capture_on_commit_callbacks: Commit,
    late: timedelta,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        request_code(expires_at=NOW - late)

    delivery = Delivery.objects.get()
    assert mail_server.sent == []
    assert (delivery.status, delivery.sealed_code) == ("expired", "")
    assert DeliveryAttempt.objects.get().outcome == "expired"


@pytest.mark.django_db
def test_the_same_event_mails_one_code(
    mail_server: type[MailServer], django_capture_on_commit_callbacks: Commit
) -> None:
    event_id = uuid4()

    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            request_code(expires_at=SOON, event_id=event_id)

    assert len(mail_server.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_mailed(mail_server: type[MailServer]) -> None:
    with transaction.atomic():
        request_code(expires_at=SOON)
        transaction.set_rollback(True)

    assert mail_server.sent == []
    assert Delivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_does_not_undo_the_event(
    mail_server: type[MailServer],
) -> None:
    mail_server.failure = ConnectionRefusedError("no mail today")

    request_code(expires_at=SOON)

    assert Delivery.objects.get().status == "scheduled"
