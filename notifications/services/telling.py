"""Puts into the feed and into the mail what people must hear, once per event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from notifications.errors import RecipientUnknown
from notifications.models import Delivery, Notification, Recipient
from notifications.services.sending import GAP, send_next_mail
from notifications.services.texts import Text, clock_time, day_and_time, render
from opencore.currencies import written

# Which mail a code comes in, by what it is good for.
CODE_MAILS: Mapping[str, str] = {
    "login": "sign_in_code",
    "email_change": "email_change_code",
    "step_up": "step_up_code",
    "admin_login": "admin_login_code",
}


@transaction.atomic
def welcome(*, user_id: UUID, email: str, event_id: UUID, now: datetime) -> None:
    """Know where a new user gets mail, and welcome them there and in the feed."""
    recipient, _ = Recipient.objects.get_or_create(
        user_id=user_id, defaults={"email": email}
    )
    _tell(
        recipient,
        kind="welcome",
        event_id=event_id,
        words={"email": recipient.email},
        data={},
        now=now,
    )


@transaction.atomic
def follow_to_address(
    *, user_id: UUID, email: str, version: int, event_id: UUID, now: datetime
) -> None:
    """Tell a person where they got mail so far that it goes elsewhere from now on.

    What was heard already, or is older than what was, changes nothing; raises
    RecipientUnknown.
    """
    recipient = _recipient(user_id)
    moved = Recipient.objects.filter(user_id=user_id, email_version__lt=version)
    if not moved.update(email=email, email_version=version):
        return
    # The recipient is as it was read: with the address of before.
    _tell(
        recipient,
        kind="email_changed",
        event_id=event_id,
        words={"noticed_at": day_and_time(now)},
        data={},
        now=now,
    )


@transaction.atomic
def send_code(
    *,
    email: str,
    sealed_code: str,
    expires_at: datetime,
    event_id: UUID,
    now: datetime,
    purpose: str = "login",
) -> None:
    """Mail a code and what it is for; what is stored has a gap where it belongs."""
    kind = CODE_MAILS[purpose]
    _mail(
        email,
        kind=kind,
        event_id=event_id,
        text=render(kind, code=GAP, expires_at=clock_time(expires_at)),
        now=now,
        sealed_code=sealed_code,
        expires_at=expires_at,
    )


@transaction.atomic
def send_invitation(
    *,
    email: str,
    organization: str,
    role: str,
    inviter: str,
    sealed_token: str,
    expires_at: datetime,
    event_id: UUID,
    now: datetime,
) -> None:
    """Mail a link by which an address joins; what is stored lacks the link's end."""
    text = render(
        "invitation",
        inviter=inviter,
        organization=organization,
        role=role,
        link=f"{settings.INVITATION_LINK}{GAP}",
        expires_at=day_and_time(expires_at),
    )
    _mail(
        email,
        kind="invitation",
        event_id=event_id,
        text=text,
        now=now,
        sealed_code=sealed_token,
        expires_at=expires_at,
    )


@transaction.atomic
def announce_acceptance(
    *,
    invited_by: UUID,
    user_id: UUID,
    org_id: UUID,
    organization: str,
    role: str,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell who invited that it was accepted, if that was a person."""
    recipient = Recipient.objects.filter(user_id=invited_by).first()
    if recipient is None:
        return
    _tell(
        recipient,
        kind="invitation_accepted",
        event_id=event_id,
        words={"organization": organization, "role": role},
        data={"org_id": str(org_id), "user_id": str(user_id)},
        now=now,
    )


@transaction.atomic
def tell_of_ownership(
    *,
    user_id: UUID,
    org_id: UUID,
    organization: str,
    kind: str,
    moment: datetime | None = None,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell a person what becomes of an organization's ownership.

    `kind` is the text; raises RecipientUnknown.
    """
    _tell(
        _recipient(user_id),
        kind=kind,
        event_id=event_id,
        words={"organization": organization, "moment": day_and_time(moment or now)},
        data={"org_id": str(org_id)},
        now=now,
    )


@transaction.atomic
def warn_of_copied_token(
    *, user_id: UUID, session_id: UUID, reason: str, event_id: UUID, now: datetime
) -> None:
    """Tell whose session ended because its token was used twice; raises RecipientUnknown.

    Of sessions that ended for another reason nothing is told.
    """
    if reason != "refresh_reused":
        return
    _tell(
        _recipient(user_id),
        kind="session_copied",
        event_id=event_id,
        words={"noticed_at": day_and_time(now)},
        data={"session_id": str(session_id)},
        now=now,
    )


@transaction.atomic
def warn_of_lock(
    *, user_id: UUID, locked_until: datetime, event_id: UUID, now: datetime
) -> None:
    """Tell who is guessed at until when they get no codes; raises RecipientUnknown."""
    _tell(
        _recipient(user_id),
        kind="account_locked",
        event_id=event_id,
        words={"locked_until": day_and_time(locked_until)},
        data={"locked_until": locked_until.astimezone(UTC).isoformat()},
        now=now,
    )


@transaction.atomic
def tell_of_impersonation(
    *,
    user_id: UUID,
    impersonation_id: UUID,
    reason: str,
    read_only: bool,
    expires_at: datetime,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell a person that staff acts as them, and why; raises RecipientUnknown."""
    _tell(
        _recipient(user_id),
        kind="impersonated",
        event_id=event_id,
        words={
            "moment": day_and_time(now),
            "expires_at": day_and_time(expires_at),
            "may": "only look" if read_only else "may change things for you",
            "reason": reason,
        },
        data={"impersonation_id": str(impersonation_id)},
        now=now,
    )


@transaction.atomic
def tell_of_factor(
    *, user_id: UUID, kind: str, left: int = 0, event_id: UUID, now: datetime
) -> None:
    """Tell a person what became of their second factor; raises RecipientUnknown.

    `kind` is the text, `left` how many recovery codes they can still use.
    """
    _tell(
        _recipient(user_id),
        kind=kind,
        event_id=event_id,
        words={"moment": day_and_time(now), "left": str(left)},
        data={},
        now=now,
    )


@transaction.atomic
def confirm_payment(
    *,
    user_id: UUID,
    payment_id: UUID,
    amount_minor: int,
    currency: str,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell who paid that the payment was received; raises RecipientUnknown."""
    _tell(
        _recipient(user_id),
        kind="payment_receipt",
        event_id=event_id,
        words={
            "amount": written(amount_minor=amount_minor, currency=currency),
            "payment_id": str(payment_id),
        },
        data={
            "payment_id": str(payment_id),
            "amount_minor": amount_minor,
            "currency": currency,
        },
        now=now,
    )


@transaction.atomic
def announce_expiry(
    *,
    user_id: UUID,
    subscription_id: UUID,
    plan: str,
    expired_at: datetime,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell who subscribed that the subscription is over; raises RecipientUnknown."""
    _tell(
        _recipient(user_id),
        kind="subscription_expired",
        event_id=event_id,
        words={"plan": plan, "expired_at": day_and_time(expired_at)},
        data={"subscription_id": str(subscription_id), "plan": plan},
        now=now,
    )


@transaction.atomic
def say_goodbye(*, email: str, event_id: UUID, now: datetime) -> None:
    """Tell who was erased that it is done; the mail is forgotten when it is settled."""
    _mail(
        email,
        kind=Delivery.GOODBYE,
        event_id=event_id,
        text=render(Delivery.GOODBYE, moment=day_and_time(now)),
        now=now,
    )


@transaction.atomic
def tell_of_data_request(
    *,
    user_id: UUID,
    request_id: UUID,
    kind: str,
    moment: datetime | None = None,
    event_id: UUID,
    now: datetime,
) -> None:
    """Tell a person how far their request for data or erasure is.

    `kind` is the text; raises RecipientUnknown.
    """
    _tell(
        _recipient(user_id),
        kind=kind,
        event_id=event_id,
        words={"moment": day_and_time(moment or now)},
        data={"data_request_id": str(request_id)},
        now=now,
    )


def _recipient(user_id: UUID) -> Recipient:
    recipient = Recipient.objects.filter(user_id=user_id).first()
    if recipient is None:
        raise RecipientUnknown(str(user_id))
    return recipient


def _tell(
    recipient: Recipient,
    *,
    kind: str,
    event_id: UUID,
    words: Mapping[str, str],
    data: Mapping[str, str | int],
    now: datetime,
) -> None:
    text = render(kind, **words)
    notification, _ = Notification.objects.get_or_create(
        user_id=recipient.user_id,
        type=kind,
        event_id=event_id,
        defaults={"title": text.title, "body": text.body, "data": dict(data)},
    )
    _mail(
        recipient.email,
        kind=kind,
        event_id=event_id,
        text=text,
        now=now,
        notification=notification,
    )


def _mail(
    address: str,
    *,
    kind: str,
    event_id: UUID,
    text: Text,
    now: datetime,
    notification: Notification | None = None,
    sealed_code: str = "",
    expires_at: datetime | None = None,
) -> None:
    delivery, created = Delivery.objects.get_or_create(
        channel=Delivery.Channel.EMAIL,
        address=address,
        event_id=event_id,
        type=kind,
        defaults={
            "notification": notification,
            "subject": text.title,
            "body": text.body,
            "sealed_code": sealed_code,
            "expires_at": expires_at,
            "next_attempt_at": now,
        },
    )
    if created:
        # At once and from here, so that codes need neither Celery nor Redis; what
        # fails stays due, and beat comes by.
        def send() -> None:
            send_next_mail(now=now, delivery_id=delivery.id)

        # A function, not a partial: Django asks a robust one that fails for its name.
        transaction.on_commit(send, robust=True)
