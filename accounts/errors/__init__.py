"""What accounts refuses."""

from accounts.errors.organizations import (
    AlreadyMember,
    LastOwner,
    MembershipSuspended,
    OrganizationSuspended,
)
from accounts.errors.signing_in import (
    AccountDeactivated,
    CodeExpired,
    CodeInvalid,
    RefreshReused,
    SessionEnded,
    SignInLocked,
    TooManyAttempts,
)

__all__ = (
    "AccountDeactivated",
    "AlreadyMember",
    "CodeExpired",
    "CodeInvalid",
    "LastOwner",
    "MembershipSuspended",
    "OrganizationSuspended",
    "RefreshReused",
    "SessionEnded",
    "SignInLocked",
    "TooManyAttempts",
)
