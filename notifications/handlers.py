"""Whom notifications tell on the occasion of others' events."""

from uuid import UUID

from django.utils import timezone

from notifications.services import (
    announce_acceptance,
    announce_expiry,
    confirm_payment,
    follow_to_address,
    forget_again,
    send_code,
    send_invitation,
    tell_of_data_request,
    tell_of_factor,
    tell_of_impersonation,
    tell_of_ownership,
    warn_of_copied_token,
    warn_of_lock,
    welcome,
)
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
    DataExportReady,
    DataRequestCancelled,
    DataRequested,
    ErasureFailed,
    ErasureUpcoming,
    ImpersonationStarted,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SessionRevoked,
    UserCreated,
    UserEmailChanged,
    UserErased,
)
from outbox.consuming import handles


@handles(UserCreated, in_batches=True)
def welcome_new_user(event: UserCreated, event_id: UUID) -> None:
    """Welcome a person who signed in for the first time."""
    welcome(
        user_id=event.user_id,
        email=event.email,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(UserEmailChanged, in_batches=True)
def follow_user_to_new_address(event: UserEmailChanged, event_id: UUID) -> None:
    """Tell a person at the address of before, and know the one of now."""
    follow_to_address(
        user_id=event.user_id,
        email=event.email,
        version=event.version,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(SignInCodeRequested, in_batches=True)
def send_code_that_was_requested(event: SignInCodeRequested, event_id: UUID) -> None:
    """Mail the code to whoever asked for it."""
    send_code(
        email=event.email,
        sealed_code=event.sealed_code,
        expires_at=event.expires_at,
        purpose=event.purpose,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(InvitationCreated, in_batches=True)
def send_invitation_that_was_made(event: InvitationCreated, event_id: UUID) -> None:
    """Mail the link to who is asked to join."""
    _send_link(event, event_id)


@handles(InvitationResent, in_batches=True)
def send_invitation_once_more(event: InvitationResent, event_id: UUID) -> None:
    """Mail the new link to who is asked to join."""
    _send_link(event, event_id)


def _send_link(event: InvitationCreated | InvitationResent, event_id: UUID) -> None:
    send_invitation(
        email=event.email,
        organization=event.org_name,
        role=event.role,
        inviter=event.inviter,
        sealed_token=event.sealed_token,
        expires_at=event.expires_at,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(InvitationAccepted, in_batches=True)
def announce_accepted_invitation(event: InvitationAccepted, event_id: UUID) -> None:
    """Tell who invited that they have a new member."""
    announce_acceptance(
        invited_by=event.invited_by,
        user_id=event.user_id,
        org_id=event.org_id,
        organization=event.org_name,
        role=event.role,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(OwnershipOffered, in_batches=True)
def announce_offer_of_ownership(event: OwnershipOffered, event_id: UUID) -> None:
    """Say to who is offered an organization until when they can accept it."""
    tell_of_ownership(
        user_id=event.to_user_id,
        org_id=event.org_id,
        organization=event.org_name,
        kind="ownership_offered",
        moment=event.expires_at,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(OwnershipOfferCancelled, in_batches=True)
def announce_cancelled_offer(event: OwnershipOfferCancelled, event_id: UUID) -> None:
    """Say to both sides that nothing changes."""
    for user_id in (event.from_user_id, event.to_user_id):
        tell_of_ownership(
            user_id=user_id,
            org_id=event.org_id,
            organization=event.org_name,
            kind="ownership_offer_cancelled",
            event_id=event_id,
            now=timezone.now(),
        )


@handles(OwnershipTransferred, in_batches=True)
def announce_new_owner(event: OwnershipTransferred, event_id: UUID) -> None:
    """Say to both sides what they are now."""
    for user_id, kind in (
        (event.to_user_id, "ownership_taken"),
        (event.from_user_id, "ownership_given"),
    ):
        tell_of_ownership(
            user_id=user_id,
            org_id=event.org_id,
            organization=event.org_name,
            kind=kind,
            event_id=event_id,
            now=timezone.now(),
        )


@handles(SessionRevoked, in_batches=True)
def warn_of_session_that_was_revoked(event: SessionRevoked, event_id: UUID) -> None:
    """Tell whose session ended that somebody had its token, if that was why."""
    warn_of_copied_token(
        user_id=event.user_id,
        session_id=event.session_id,
        reason=event.reason,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(AccountLocked, in_batches=True)
def warn_of_lock_of_account(event: AccountLocked, event_id: UUID) -> None:
    """Tell a person that somebody guesses codes of their address."""
    warn_of_lock(
        user_id=event.user_id,
        locked_until=event.locked_until,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(ImpersonationStarted, in_batches=True)
def tell_of_impersonation_that_started(
    event: ImpersonationStarted, event_id: UUID
) -> None:
    """Tell a person that staff acts as them."""
    tell_of_impersonation(
        user_id=event.user_id,
        impersonation_id=event.impersonation_id,
        reason=event.reason,
        read_only=event.read_only,
        expires_at=event.expires_at,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(AuthenticatorAdded, in_batches=True)
def tell_of_added_authenticator(event: AuthenticatorAdded, event_id: UUID) -> None:
    """Tell a person that they are asked for a second factor now."""
    tell_of_factor(
        user_id=event.user_id,
        kind="authenticator_added",
        event_id=event_id,
        now=timezone.now(),
    )


@handles(AuthenticatorRemoved, in_batches=True)
def tell_of_removed_authenticator(event: AuthenticatorRemoved, event_id: UUID) -> None:
    """Tell a person that they are asked for no second factor any more."""
    tell_of_factor(
        user_id=event.user_id,
        kind="authenticator_removed",
        event_id=event_id,
        now=timezone.now(),
    )


@handles(RecoveryCodesMade, in_batches=True)
def tell_of_new_recovery_codes(event: RecoveryCodesMade, event_id: UUID) -> None:
    """Tell a person that their recovery codes were replaced."""
    tell_of_factor(
        user_id=event.user_id,
        kind="recovery_codes_made",
        event_id=event_id,
        now=timezone.now(),
    )


@handles(RecoveryCodeUsed, in_batches=True)
def tell_of_used_recovery_code(event: RecoveryCodeUsed, event_id: UUID) -> None:
    """Tell a person that a recovery code of theirs was used, and how many are left."""
    tell_of_factor(
        user_id=event.user_id,
        kind="recovery_code_used",
        left=event.left,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(PaymentSucceeded, in_batches=True)
def confirm_payment_that_succeeded(event: PaymentSucceeded, event_id: UUID) -> None:
    """Send a receipt to who paid."""
    confirm_payment(
        user_id=event.user_id,
        payment_id=event.payment_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(SubscriptionExpired, in_batches=True)
def announce_expiry_of_subscription(event: SubscriptionExpired, event_id: UUID) -> None:
    """Say to who subscribed that it is over."""
    announce_expiry(
        user_id=event.user_id,
        subscription_id=event.subscription_id,
        plan=event.plan,
        expired_at=event.expired_at,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(DataRequested, in_batches=True)
def confirm_data_request(event: DataRequested, event_id: UUID) -> None:
    """Confirm what was asked for, lest somebody else asked."""
    tell_of_data_request(
        user_id=event.user_id,
        request_id=event.request_id,
        kind=f"{event.kind}_requested",
        moment=event.not_before,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(DataRequestCancelled, in_batches=True)
def confirm_cancelled_data_request(event: DataRequestCancelled, event_id: UUID) -> None:
    """Say that a request was taken back."""
    tell_of_data_request(
        user_id=event.user_id,
        request_id=event.request_id,
        kind=f"{event.kind}_cancelled",
        event_id=event_id,
        now=timezone.now(),
    )


@handles(DataExportReady, in_batches=True)
def announce_data_export(event: DataExportReady, event_id: UUID) -> None:
    """Say that the copy of the data can be fetched."""
    tell_of_data_request(
        user_id=event.user_id,
        request_id=event.request_id,
        kind="export_ready",
        moment=event.expires_at,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(ErasureUpcoming, in_batches=True)
def remind_of_erasure(event: ErasureUpcoming, event_id: UUID) -> None:
    """Say that the data will be erased soon."""
    tell_of_data_request(
        user_id=event.user_id,
        request_id=event.request_id,
        kind="erasure_upcoming",
        moment=event.not_before,
        event_id=event_id,
        now=timezone.now(),
    )


@handles(ErasureFailed, in_batches=True)
def announce_failed_erasure(event: ErasureFailed, event_id: UUID) -> None:
    """Say that nothing was erased, and what to do first."""
    tell_of_data_request(
        user_id=event.user_id,
        request_id=event.request_id,
        kind="erasure_failed",
        event_id=event_id,
        now=timezone.now(),
    )


@handles(UserErased, in_batches=True)
def forget_erased_user(event: UserErased, _event_id: UUID) -> None:
    """Forget what events brought that were on their way when a person was erased."""
    forget_again(user_id=event.user_id)
