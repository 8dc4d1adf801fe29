"""The catalogue: every event that OpenCore publishes, in one visible tuple."""

from opencore.events.audit.v1 import ChainSealed
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.events.base import Event, EventDataInvalid
from opencore.events.billing.v1 import (
    CustomerCreated,
    PaymentSucceeded,
    SubscriptionCreated,
    SubscriptionExpired,
)
from opencore.events.org.v1 import (
    ApiKeyCreated,
    ApiKeyRevoked,
    ApiKeyRotated,
    InvitationAccepted,
    InvitationCreated,
    InvitationResent,
    InvitationRevoked,
    MemberAdded,
    MemberRemoved,
    MemberResumed,
    MemberRoleChanged,
    MemberSuspended,
    OrgCreated,
    OrgDeleted,
    OrgUpdated,
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
    ImpersonationEnded,
    ImpersonationStarted,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    SessionRevoked,
    UserCreated,
    UserEmailChanged,
    UserErased,
    UserUpdated,
)

__all__ = ("CATALOGUE", "TOPICS", "Event", "EventDataInvalid")

_published: tuple[type[Event], ...] = (
    SignInCodeRequested,
    UserCreated,
    UserUpdated,
    UserEmailChanged,
    ImpersonationStarted,
    ImpersonationEnded,
    DataRequested,
    DataRequestCancelled,
    DataExportReady,
    ErasureUpcoming,
    ErasureFailed,
    UserErased,
    SessionRevoked,
    AccountLocked,
    AuthenticatorAdded,
    AuthenticatorRemoved,
    RecoveryCodesMade,
    RecoveryCodeUsed,
    OrgCreated,
    OrgUpdated,
    OrgDeleted,
    MemberAdded,
    MemberRoleChanged,
    MemberSuspended,
    MemberResumed,
    MemberRemoved,
    InvitationCreated,
    InvitationResent,
    InvitationAccepted,
    InvitationRevoked,
    ApiKeyCreated,
    ApiKeyRotated,
    ApiKeyRevoked,
    OwnershipOffered,
    OwnershipOfferCancelled,
    OwnershipTransferred,
    CustomerCreated,
    PaymentSucceeded,
    SubscriptionCreated,
    SubscriptionExpired,
    ChainSealed,
)

CATALOGUE: dict[str, type[Event]] = {event.type: event for event in _published}
TOPICS: tuple[str, ...] = tuple(sorted({event.topic() for event in _published}))
