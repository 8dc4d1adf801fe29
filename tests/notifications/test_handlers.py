"""What notifications make of others' events, however often they come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from notifications.errors import RecipientUnknown
from notifications.models import Delivery, Notification, Recipient
from opencore.events import Event
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.events.billing.v1 import PaymentSucceeded, SubscriptionExpired
from opencore.events.org.v1 import (
    InvitationAccepted,
    InvitationCreated,
    InvitationResent,
    OwnershipOfferCancelled,
    OwnershipOffered,
    OwnershipTransferred,
)
from opencore.events.user.v1 import (
    AccountLocked,
    AuthenticatorAdded,
    AuthenticatorRemoved,
    ImpersonationStarted,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SessionRevoked,
    UserCreated,
)
from opencore.sealing import seal
from tests import hearing
from tests.notifications.fakes import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

HearTwice = Callable[[Event], None]
Mail = type[MailServer]
ADA = UUID("0198c0de-0000-7000-8000-00000000ada0")
PHONE = UUID("0198c0de-0000-7000-8000-0000000f0e00")


def hear(event: Event, event_id: UUID) -> None:
    """Let notifications hear of it, past the inbox that would stop a second time."""
    hearing.hear("notifications", event, event_id=event_id)


@pytest.fixture
def hear_twice(mail_server: Mail) -> HearTwice:
    """Let notifications hear of one event two times."""

    def twice(event: Event) -> None:
        event_id = uuid4()
        hear(event, event_id)
        hear(event, event_id)

    return twice


def payment_of(user_id: UUID) -> PaymentSucceeded:
    """Return what billing tells when somebody paid."""
    return PaymentSucceeded(
        payment_id=uuid4(),
        customer_id=uuid4(),
        user_id=user_id,
        amount_minor=1999,
        currency="EUR",
        provider="manual",
    )


def test_a_new_user_is_welcomed_once(
    hear_twice: HearTwice, mail_server: Mail, ada: UUID
) -> None:
    hear_twice(UserCreated(user_id=ada, email="ada@example.com"))

    assert Notification.objects.get(user_id=ada).type == "welcome"
    (message,) = mail_server.sent
    assert message.to == ["ada@example.com"]


def test_a_code_is_mailed_once(hear_twice: HearTwice, mail_server: Mail) -> None:
    hear_twice(
        SignInCodeRequested(
            challenge_id=uuid4(),
            email="ada@example.com",
            sealed_code=seal("48151623"),
            expires_at=timezone.now() + timedelta(minutes=10),
        )
    )

    (message,) = mail_server.sent
    assert "48151623" in str(message.body)


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("login", "Your sign-in code"),
        ("email_change", "Confirm your new e-mail address"),
        ("step_up", "Confirm that it is you"),
        ("admin_login", "Your code for the admin"),
    ],
)
def test_the_mail_with_a_code_says_what_it_is_for(
    mail_server: Mail, purpose: str, subject: str
) -> None:
    event = SignInCodeRequested(
        challenge_id=uuid4(),
        email="ada@example.com",
        sealed_code=seal("48151623"),
        expires_at=timezone.now() + timedelta(minutes=10),
        purpose=purpose,
    )

    hear(event, uuid4())

    (message,) = mail_server.sent
    assert message.subject == subject
    assert "48151623" in str(message.body)


@pytest.mark.parametrize("kind", [InvitationCreated, InvitationResent])
def test_a_link_is_mailed_once_to_who_is_invited(
    hear_twice: HearTwice,
    mail_server: Mail,
    settings: Settings,
    kind: type[InvitationCreated | InvitationResent],
) -> None:
    settings.INVITATION_LINK = "https://app.example.com/join/"

    hear_twice(
        kind(
            org_id=uuid4(),
            org_name="Acme",
            invitation_id=uuid4(),
            email="ada@example.com",
            role="developer",
            invited_by=uuid4(),
            inviter="Grace Hopper",
            sealed_token=seal("oci_0123456789"),
            expires_at=timezone.now() + timedelta(days=7),
        )
    )

    (message,), kept = mail_server.sent, Delivery.objects.get()
    assert (message.to, message.subject) == (
        ["ada@example.com"],
        "Grace Hopper invites you to Acme",
    )
    assert "join Acme, as developer." in str(message.body)
    assert "\n\nhttps://app.example.com/join/oci_0123456789\n\n" in str(message.body)
    assert "oci_" not in kept.body + kept.sealed_code
    assert Notification.objects.count() == 0


def accepted(invited_by: UUID) -> InvitationAccepted:
    """Return what accounts tells when somebody joined who was invited."""
    return InvitationAccepted(
        org_id=uuid4(),
        org_name="Acme",
        invitation_id=uuid4(),
        user_id=uuid4(),
        role="viewer",
        invited_by=invited_by,
    )


def test_who_invited_hears_once_that_it_was_accepted(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    event = accepted(recipient.user_id)

    hear_twice(event)

    told = Notification.objects.get()
    assert (told.user_id, told.type) == (recipient.user_id, "invitation_accepted")
    assert told.data == {"org_id": str(event.org_id), "user_id": str(event.user_id)}
    (message,) = mail_server.sent
    assert message.subject == "An invitation to Acme was accepted"


def test_nobody_hears_of_an_acceptance_if_a_program_invited(
    hear_twice: HearTwice, mail_server: Mail
) -> None:
    hear_twice(accepted(uuid4()))

    assert (mail_server.sent, Notification.objects.count()) == ([], 0)


@pytest.fixture
def other(db: None) -> Recipient:
    """Somebody else of whom notifications have heard."""
    return Recipient.objects.create(user_id=uuid4(), email="grace@example.com")


def test_both_sides_hear_once_what_became_of_an_offer_of_the_ownership(
    hear_twice: HearTwice, recipient: Recipient, other: Recipient
) -> None:
    names = {
        "org_id": uuid4(),
        "org_name": "Acme",
        "transfer_id": uuid4(),
        "from_user_id": other.user_id,
        "to_user_id": recipient.user_id,
    }

    hear_twice(OwnershipOffered(**names, expires_at=timezone.now()))  # type: ignore[arg-type]  # -- mypy sees one type of all
    hear_twice(OwnershipOfferCancelled(**names, by=uuid4()))  # type: ignore[arg-type]  # -- as above
    hear_twice(OwnershipTransferred(**names))  # type: ignore[arg-type]  # -- as above

    told = Notification.objects.order_by("id").values_list("user_id", "type")
    assert sorted(told) == sorted(
        [
            (recipient.user_id, "ownership_offered"),
            (other.user_id, "ownership_offer_cancelled"),
            (recipient.user_id, "ownership_offer_cancelled"),
            (recipient.user_id, "ownership_taken"),
            (other.user_id, "ownership_given"),
        ]
    )
    assert Delivery.objects.count() == 5


def session_ended(user_id: UUID, reason: str) -> SessionRevoked:
    """Return what accounts tells when a session ended."""
    return SessionRevoked(user_id=user_id, session_id=uuid4(), reason=reason)


def test_who_has_a_copied_token_is_warned_once(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    hear_twice(session_ended(recipient.user_id, "refresh_reused"))

    (message,) = mail_server.sent
    assert message.to == [recipient.email]
    assert message.subject == "One of your sessions was ended for your safety"


def test_nobody_is_warned_of_a_session_that_they_ended(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    hear_twice(session_ended(recipient.user_id, "logout"))

    assert (mail_server.sent, Notification.objects.count()) == ([], 0)


def test_who_is_guessed_at_is_warned_once(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    until = datetime(2028, 2, 29, 12, 15, tzinfo=UTC)

    hear_twice(AccountLocked(user_id=recipient.user_id, locked_until=until))

    assert Notification.objects.get().type == "account_locked"
    (message,) = mail_server.sent
    assert "until 2028-02-29 at 12:15 UTC" in str(message.body)


def test_a_payment_is_confirmed_once(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    hear_twice(payment_of(recipient.user_id))

    assert Notification.objects.get().type == "payment_receipt"
    assert len(mail_server.sent) == 1


def test_an_expiry_is_announced_once(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    hear_twice(
        SubscriptionExpired(
            subscription_id=uuid4(),
            customer_id=uuid4(),
            user_id=recipient.user_id,
            plan="pro",
            expired_at=timezone.now(),
        )
    )

    assert Notification.objects.get().type == "subscription_expired"
    assert len(mail_server.sent) == 1


def test_a_payment_that_overtook_its_user_is_confirmed_when_it_comes_again(
    mail_server: Mail, ada: UUID
) -> None:
    payment, event_id = payment_of(ada), uuid4()
    with pytest.raises(RecipientUnknown):
        hear(payment, event_id)
    hear(UserCreated(user_id=ada, email="ada@example.com"), uuid4())

    hear(payment, event_id)

    assert Delivery.objects.get(type="payment_receipt").status == "sent"


@pytest.mark.parametrize(
    ("read_only", "said"), [(True, "only look"), (False, "may change things")]
)
def test_a_person_is_told_once_that_staff_acts_as_them_and_why(
    hear_twice: HearTwice,
    mail_server: Mail,
    recipient: Recipient,
    read_only: bool,
    said: str,
) -> None:
    hear_twice(
        ImpersonationStarted(
            user_id=recipient.user_id,
            impersonation_id=uuid4(),
            impersonator_id=uuid4(),
            reason="Ticket 7",
            read_only=read_only,
            expires_at=datetime(2028, 2, 29, 12, tzinfo=UTC),
        )
    )

    told = Notification.objects.get(type="impersonated")
    assert said in told.body
    assert "Ticket 7" in told.body
    assert "2028-02-29 at 12:00 UTC" in told.body
    assert Delivery.objects.filter(type="impersonated").count() == 1


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (
            AuthenticatorAdded(user_id=ADA, authenticator_id=PHONE),
            "A second factor was added to your account",
        ),
        (
            AuthenticatorRemoved(user_id=ADA, authenticator_id=PHONE),
            "The second factor of your account was removed",
        ),
        (RecoveryCodesMade(user_id=ADA), "You have new recovery codes"),
        (RecoveryCodeUsed(user_id=ADA, left=9), "A recovery code was used"),
    ],
    ids=["added", "removed", "codes made", "code used"],
)
def test_people_are_told_once_what_became_of_their_second_factor(
    hear_twice: HearTwice, mail_server: Mail, event: Event, title: str
) -> None:
    Recipient.objects.create(user_id=ADA, email="ada@example.com")

    hear_twice(event)

    assert Notification.objects.get(user_id=ADA).title == title
    (message,) = mail_server.sent
    assert message.subject == title


def test_who_used_a_recovery_code_hears_how_many_are_left(
    hear_twice: HearTwice, mail_server: Mail, recipient: Recipient
) -> None:
    hear_twice(RecoveryCodeUsed(user_id=recipient.user_id, left=9))

    assert "9 of your recovery codes are left" in str(mail_server.sent[0].body)
