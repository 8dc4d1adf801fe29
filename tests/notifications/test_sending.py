"""How mail goes out: once where nothing fails, at least once where something does."""

import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connection

from notifications.models import Delivery, DeliveryAttempt
from notifications.services import send_again, send_next_mail
from notifications.services.sending import (
    CLAIM,
    LONGEST_WAIT,
    MAX_ATTEMPTS,
    wait_after,
)
from notifications.tasks import BATCH, send_due_mail
from opencore.celery import app
from tests.notifications.conftest import NOW, request_code
from tests.notifications.fakes import MailServer

Receipt = Callable[[], Delivery]
Mail = type[MailServer]

MICROSECOND = timedelta(microseconds=1)
AWAY = ConnectionRefusedError("no mail today")
REFUSED = smtplib.SMTPRecipientsRefused({"ada@example.com": (550, b"no such user")})
BUSY = smtplib.SMTPRecipientsRefused({"ada@example.com": (450, b"come again")})
SPAM = smtplib.SMTPDataError(554, b"looks like spam")


@pytest.mark.django_db
def test_sends_what_is_due(mail_server: Mail, receipt: Receipt) -> None:
    delivery = receipt()

    assert send_next_mail(now=NOW) == "sent"

    (message,) = mail_server.sent
    assert message.to == ["ada@example.com"]
    assert message.subject == "Payment received: 19.99 EUR"
    assert message.extra_headers == {"Message-ID": f"<{delivery.id}@opencore.invalid>"}
    delivery.refresh_from_db()
    assert (delivery.status, delivery.sent_at) == ("sent", NOW)
    assert (delivery.attempts, delivery.claimed_until) == (1, None)
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.delivery, attempt.n, attempt.at) == (delivery, 1, NOW)
    assert (attempt.outcome, attempt.error) == ("sent", "")


@pytest.mark.django_db
def test_sends_nothing_twice(mail_server: Mail, receipt: Receipt) -> None:
    receipt()
    send_next_mail(now=NOW)

    assert send_next_mail(now=NOW + timedelta(days=1)) is None

    assert len(mail_server.sent) == 1


@pytest.mark.django_db
def test_sends_nothing_before_its_time(mail_server: Mail, receipt: Receipt) -> None:
    receipt()

    assert send_next_mail(now=NOW - MICROSECOND) is None

    assert mail_server.sent == []


@pytest.mark.django_db
def test_sends_only_what_is_named(mail_server: Mail, receipt: Receipt) -> None:
    receipt()
    second = receipt()

    send_next_mail(now=NOW, delivery_id=second.id)

    assert Delivery.objects.get(status="sent") == second


@pytest.mark.django_db
@pytest.mark.parametrize(
    "failure", [AWAY, BUSY, TimeoutError("hung")], ids=["away", "busy", "hung"]
)
def test_tries_again_later_what_was_not_taken(
    mail_server: Mail, receipt: Receipt, failure: Exception
) -> None:
    delivery = receipt()
    mail_server.failure = failure

    assert send_next_mail(now=NOW) == "deferred"

    delivery.refresh_from_db()
    wait = delivery.next_attempt_at - NOW
    assert delivery.status == "scheduled"
    assert timedelta(seconds=4) <= wait <= timedelta(seconds=6)
    assert DeliveryAttempt.objects.get().error.startswith(type(failure).__name__)


@pytest.mark.django_db
def test_sends_what_waited_once_the_server_is_back(
    mail_server: Mail, receipt: Receipt
) -> None:
    delivery = receipt()
    mail_server.failure = AWAY
    send_next_mail(now=NOW)
    mail_server.failure = None

    assert send_next_mail(now=NOW + timedelta(seconds=6)) == "sent"

    outcomes = delivery.tries.order_by("n").values_list("n", "outcome")
    assert list(outcomes) == [(1, "deferred"), (2, "sent")]


@pytest.mark.django_db
def test_gives_up_after_the_last_attempt(mail_server: Mail, receipt: Receipt) -> None:
    delivery = receipt()
    mail_server.failure = AWAY

    outcomes = [
        send_next_mail(now=NOW + number * timedelta(hours=2))
        for number in range(MAX_ATTEMPTS + 1)
    ]

    delivery.refresh_from_db()
    assert outcomes == ["deferred"] * MAX_ATTEMPTS + [None]
    assert (delivery.status, delivery.attempts) == ("failed", MAX_ATTEMPTS)


@pytest.mark.django_db
@pytest.mark.parametrize("failure", [REFUSED, SPAM], ids=["no such user", "spam"])
def test_gives_up_at_once_what_is_refused_for_good(
    mail_server: Mail, receipt: Receipt, failure: Exception
) -> None:
    delivery = receipt()
    mail_server.failure = failure

    assert send_next_mail(now=NOW) == "refused"

    delivery.refresh_from_db()
    assert delivery.status == "failed"


@pytest.mark.django_db
def test_a_refused_code_is_forgotten(mail_server: Mail) -> None:
    request_code(expires_at=NOW + timedelta(minutes=10))
    mail_server.failure = REFUSED

    send_next_mail(now=NOW)

    assert Delivery.objects.get().sealed_code == ""


@pytest.mark.django_db
def test_a_code_waits_for_the_server_only_until_it_expires(mail_server: Mail) -> None:
    request_code(expires_at=NOW + timedelta(minutes=10))
    mail_server.failure = AWAY
    send_next_mail(now=NOW)
    mail_server.failure = None

    assert send_next_mail(now=NOW + timedelta(minutes=10)) == "expired"

    assert mail_server.sent == []


@pytest.mark.django_db
def test_a_code_whose_seal_is_broken_fails_at_once(mail_server: Mail) -> None:
    request_code(expires_at=NOW + timedelta(minutes=10))
    Delivery.objects.update(sealed_code="not sealed by us")

    assert send_next_mail(now=NOW) == "refused"

    assert mail_server.sent == []
    assert DeliveryAttempt.objects.get().error.startswith("SealBroken")


@pytest.mark.django_db
def test_an_address_with_a_line_break_fails_at_once(receipt: Receipt) -> None:
    receipt()
    Delivery.objects.update(address="ada@example.com\nBcc: mallory@example.com")

    assert send_next_mail(now=NOW) == "refused"

    assert DeliveryAttempt.objects.get().error.startswith("BadHeaderError")


@pytest.mark.django_db
def test_mail_of_a_process_that_died_is_left_alone_until_its_claim_ends(
    mail_server: Mail, receipt: Receipt
) -> None:
    receipt()
    mail_server.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        send_next_mail(now=NOW)
    mail_server.failure = None

    assert send_next_mail(now=NOW + CLAIM - MICROSECOND) is None
    assert send_next_mail(now=NOW + CLAIM) == "sent"


@pytest.mark.django_db
def test_mail_that_kills_each_sender_is_given_up(
    mail_server: Mail, receipt: Receipt
) -> None:
    delivery = receipt()
    Delivery.objects.update(attempts=MAX_ATTEMPTS)

    assert send_next_mail(now=NOW) == "refused"

    delivery.refresh_from_db()
    assert delivery.status == "failed"
    assert mail_server.sent == []


@pytest.mark.django_db
def test_who_was_too_slow_does_not_overwrite_what_the_next_one_noted(
    mail_server: Mail, receipt: Receipt
) -> None:
    delivery = receipt()

    def overtake() -> None:
        mail_server.while_sending = staticmethod(lambda: None)
        assert send_next_mail(now=NOW + CLAIM) == "sent"
        mail_server.failure = AWAY

    mail_server.while_sending = staticmethod(overtake)

    send_next_mail(now=NOW)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.sent_at) == ("sent", NOW + CLAIM)
    assert delivery.tries.get().outcome == "sent"


@pytest.mark.django_db(transaction=True)
def test_senders_at_once_send_each_mail_once(
    mail_server: Mail, receipt: Receipt
) -> None:
    mail_server.failure = AWAY
    deliveries = {str(receipt().id) for _ in range(20)}
    mail_server.failure = None
    together = Barrier(4)
    later = NOW + timedelta(minutes=1)

    def send_all() -> None:
        try:
            together.wait(timeout=10)
            while send_next_mail(now=later):
                pass
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        sending = [threads.submit(send_all) for _ in range(4)]

    assert [future.result() for future in sending] == [None] * 4
    ids = [
        message.extra_headers["Message-ID"][1:].partition("@")[0]
        for message in mail_server.sent
    ]
    assert sorted(ids) == sorted(deliveries)


@pytest.mark.django_db
def test_an_operator_sends_again_what_was_given_up(
    mail_server: Mail, receipt: Receipt, ada: UUID
) -> None:
    delivery = receipt()
    mail_server.failure = REFUSED
    send_next_mail(now=NOW)
    mail_server.failure = None
    later = NOW + timedelta(days=1)

    assert send_again(delivery_ids=[delivery.id], now=later, actor_id=ada) == 1

    assert send_next_mail(now=later) == "sent"
    outcomes = delivery.tries.order_by("n").values_list("n", "outcome")
    assert list(outcomes) == [(1, "refused"), (2, "sent")]


@pytest.mark.django_db
def test_a_code_is_never_sent_again(mail_server: Mail, ada: UUID) -> None:
    request_code(expires_at=NOW + timedelta(minutes=10))
    send_next_mail(now=NOW)
    delivery = Delivery.objects.get()

    assert send_again(delivery_ids=[delivery.id], now=NOW, actor_id=ada) == 0

    assert send_next_mail(now=NOW) is None


@pytest.mark.django_db
def test_what_is_on_its_way_is_not_sent_again(receipt: Receipt, ada: UUID) -> None:
    delivery = receipt()

    assert send_again(delivery_ids=[delivery.id], now=NOW, actor_id=ada) == 0


@pytest.mark.django_db
def test_beat_sends_all_that_is_due(mail_server: Mail, receipt: Receipt) -> None:
    for _ in range(3):
        receipt()
    Delivery.objects.update(next_attempt_at=NOW.replace(year=2020))

    send_due_mail()

    assert len(mail_server.sent) == 3


@pytest.mark.django_db
def test_beat_stops_at_the_first_mail_that_is_not_taken(
    mail_server: Mail, receipt: Receipt
) -> None:
    for _ in range(3):
        receipt()
    Delivery.objects.update(next_attempt_at=NOW.replace(year=2020))
    mail_server.failure = AWAY

    send_due_mail()

    assert DeliveryAttempt.objects.count() == 1


@pytest.mark.django_db
def test_one_tick_sends_no_more_than_a_batch(
    mail_server: Mail, receipt: Receipt
) -> None:
    for _ in range(BATCH + 1):
        receipt()
    Delivery.objects.update(next_attempt_at=NOW.replace(year=2020))

    send_due_mail()

    assert len(mail_server.sent) == BATCH


def test_beat_asks_for_a_task_of_this_name() -> None:
    asked = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert send_due_mail.name in asked


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5), (2, 10), (4, 40), (10, 2560)]
)
def test_waits_twice_as_long_after_each_attempt(attempts: int, seconds: int) -> None:
    assert wait_after(attempts, spread=0) == timedelta(seconds=seconds)


@pytest.mark.parametrize("attempts", [11, 16, 1000])
def test_waits_no_longer_than_an_hour(attempts: int) -> None:
    assert wait_after(attempts, spread=0) == LONGEST_WAIT


def test_waits_are_spread() -> None:
    waits = {wait_after(1) for _ in range(50)}

    assert len(waits) > 1
    assert timedelta(seconds=4) <= min(waits)
    assert max(waits) <= timedelta(seconds=6)
