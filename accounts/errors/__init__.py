"""What accounts refuses."""

from accounts.errors.auditing import AuditExportNotReady
from accounts.errors.factors import (
    AuthenticatorExists,
    AuthenticatorNeeded,
    MfaRequired,
)
from accounts.errors.impersonating import NotToBeImpersonated
from accounts.errors.joining import (
    AlreadyInvited,
    InvitationClosed,
    InvitationExpired,
    InvitationLimitReached,
    ResendLimitReached,
    TransferClosed,
    TransferPending,
    WrongAddress,
)
from accounts.errors.keys import (
    ApiKeyEnded,
    RotatedAlready,
    ScopesExceedRole,
    ServiceAccountDisabled,
    ServiceAccountNameTaken,
)
from accounts.errors.organizations import (
    AlreadyMember,
    DomainNotAllowed,
    LastOwner,
    MembershipSuspended,
    OrganizationSuspended,
    SeatLimitReached,
    SlugTaken,
)
from accounts.errors.privacy import (
    DataNotReady,
    DataRequestClosed,
    DataRequestOpen,
)
from accounts.errors.signing_in import (
    AccountDeactivated,
    CodeExpired,
    CodeInvalid,
    EmailTaken,
    RefreshReused,
    SessionEnded,
    SignInLocked,
    TooManyAttempts,
)

__all__ = (
    "AccountDeactivated",
    "AlreadyInvited",
    "AlreadyMember",
    "ApiKeyEnded",
    "AuditExportNotReady",
    "AuthenticatorExists",
    "AuthenticatorNeeded",
    "CodeExpired",
    "CodeInvalid",
    "DataNotReady",
    "DataRequestClosed",
    "DataRequestOpen",
    "DomainNotAllowed",
    "EmailTaken",
    "InvitationClosed",
    "InvitationExpired",
    "InvitationLimitReached",
    "LastOwner",
    "MembershipSuspended",
    "MfaRequired",
    "NotToBeImpersonated",
    "OrganizationSuspended",
    "RefreshReused",
    "ResendLimitReached",
    "RotatedAlready",
    "ScopesExceedRole",
    "SeatLimitReached",
    "ServiceAccountDisabled",
    "ServiceAccountNameTaken",
    "SessionEnded",
    "SignInLocked",
    "SlugTaken",
    "TooManyAttempts",
    "TransferClosed",
    "TransferPending",
    "WrongAddress",
)
