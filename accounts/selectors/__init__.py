"""What may be seen, and by whom: the only way to an organization."""

from accounts.selectors.access import (
    Access,
    access_to,
    allowed_now,
    require_two_factors,
)
from accounts.selectors.auditing import (
    Chain,
    audit_entries_of,
    chains_sealed_lately,
    get_chain,
    seal_of,
)
from accounts.selectors.factors import (
    authenticators_of,
    confirmed_authenticator,
    factors_of,
    unused_recovery_codes,
)
from accounts.selectors.impersonating import impersonations
from accounts.selectors.invitations import (
    INVITATION_TOKEN,
    STATUSES,
    invitation_by_token,
    invitation_to,
    invitations_of,
    invitations_to,
    name_of_inviter,
    open_invitation_by_token,
)
from accounts.selectors.keys import (
    api_keys_of,
    api_keys_revoked_since,
    get_api_key,
    get_service_account,
    service_accounts_of,
)
from accounts.selectors.locks import lock_of, locked_until
from accounts.selectors.memberships import (
    members_of,
    membership_in,
    memberships_of_user,
    open_transfer_of,
    organization_ids_of,
)
from accounts.selectors.people import (
    get_active_user,
    get_user_to_add,
    users_with_address,
)
from accounts.selectors.privacy import (
    data_requests_of,
    due_requests,
    get_data_request,
    get_exported_file,
    organizations_owned_alone,
    organizations_to_hand_over,
    person_of,
)
from accounts.selectors.sessions import (
    get_live_session,
    live_sessions_of,
    organization_worked_in,
    sessions_revoked_since,
)

__all__ = (
    "INVITATION_TOKEN",
    "STATUSES",
    "Access",
    "Chain",
    "access_to",
    "allowed_now",
    "api_keys_of",
    "api_keys_revoked_since",
    "audit_entries_of",
    "authenticators_of",
    "chains_sealed_lately",
    "confirmed_authenticator",
    "data_requests_of",
    "due_requests",
    "factors_of",
    "get_active_user",
    "get_api_key",
    "get_chain",
    "get_data_request",
    "get_exported_file",
    "get_live_session",
    "get_service_account",
    "get_user_to_add",
    "impersonations",
    "invitation_by_token",
    "invitation_to",
    "invitations_of",
    "invitations_to",
    "live_sessions_of",
    "lock_of",
    "locked_until",
    "members_of",
    "membership_in",
    "memberships_of_user",
    "name_of_inviter",
    "open_invitation_by_token",
    "open_transfer_of",
    "organization_ids_of",
    "organization_worked_in",
    "organizations_owned_alone",
    "organizations_to_hand_over",
    "person_of",
    "require_two_factors",
    "seal_of",
    "service_accounts_of",
    "sessions_revoked_since",
    "unused_recovery_codes",
    "users_with_address",
)
