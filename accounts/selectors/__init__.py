"""What may be seen, and by whom: the only way to an organization."""

from accounts.selectors.access import Access, access_to
from accounts.selectors.auditing import audit_entries_of
from accounts.selectors.memberships import (
    members_of,
    membership_in,
    memberships_of_user,
    organization_ids_of,
)
from accounts.selectors.people import get_active_user, get_user_to_add
from accounts.selectors.sessions import (
    get_live_session,
    live_sessions_of,
    organization_worked_in,
    sessions_revoked_since,
)

__all__ = (
    "Access",
    "access_to",
    "audit_entries_of",
    "get_active_user",
    "get_live_session",
    "get_user_to_add",
    "live_sessions_of",
    "members_of",
    "membership_in",
    "memberships_of_user",
    "organization_ids_of",
    "organization_worked_in",
    "sessions_revoked_since",
)
