"""The tables of people, sessions, organizations and the record of who did what."""

from accounts.models.audit import (
    AuditAnchor,
    AuditEntry,
    AuditExport,
    AuditPersonal,
    AuditSeal,
)
from accounts.models.files import File, FilePart
from accounts.models.keys import ApiKey, ServiceAccount
from accounts.models.organizations import (
    Invitation,
    Membership,
    Organization,
    OwnershipTransfer,
)
from accounts.models.people import User
from accounts.models.privacy import DataRequest
from accounts.models.signing_in import (
    AddressLock,
    Authenticator,
    Challenge,
    Impersonation,
    RecoveryCode,
    Session,
)

__all__ = (
    "AddressLock",
    "ApiKey",
    "AuditAnchor",
    "AuditEntry",
    "AuditExport",
    "AuditPersonal",
    "AuditSeal",
    "Authenticator",
    "Challenge",
    "DataRequest",
    "File",
    "FilePart",
    "Impersonation",
    "Invitation",
    "Membership",
    "Organization",
    "OwnershipTransfer",
    "RecoveryCode",
    "ServiceAccount",
    "Session",
    "User",
)
