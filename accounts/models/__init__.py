"""The tables of people, sessions, organizations and the record of who did what."""

from accounts.models.audit import AuditEntry
from accounts.models.organizations import Membership, Organization
from accounts.models.people import User
from accounts.models.signing_in import Challenge, Session

__all__ = (
    "AuditEntry",
    "Challenge",
    "Membership",
    "Organization",
    "Session",
    "User",
)
