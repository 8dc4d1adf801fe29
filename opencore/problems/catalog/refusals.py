"""What the apps refuse by their own rules."""

from http import HTTPStatus

from opencore.problems.catalog.kind import ProblemKind

OF_ACCOUNTS = (
    ProblemKind(
        "code_invalid",
        HTTPStatus.BAD_REQUEST,
        "This is not the code that was sent last, or it was used already.",
        "Try the code of the newest mail, or ask for a new one.",
    ),
    ProblemKind(
        "code_expired",
        HTTPStatus.BAD_REQUEST,
        "The code is too old.",
        "Ask for a new one.",
    ),
    ProblemKind(
        "too_many_attempts",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many wrong codes were tried.",
        "Ask for a new code.",
    ),
    ProblemKind(
        "sign_in_locked",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many wrong codes were tried for this address, so it is locked for a while.",
        "Wait as Retry-After says, then ask for a new code; sessions go on meanwhile.",
    ),
    ProblemKind(
        "account_deactivated",
        HTTPStatus.FORBIDDEN,
        "This account was deactivated.",
        "Ask the operators.",
    ),
    ProblemKind(
        "not_to_be_impersonated",
        HTTPStatus.FORBIDDEN,
        "Nobody acts as staff, as themselves, or as who was deactivated.",
        "Nothing; act as another person.",
    ),
    ProblemKind(
        "email_taken",
        HTTPStatus.CONFLICT,
        "Another account has this address.",
        "Sign in with it, or choose another one.",
    ),
    ProblemKind(
        "session_revoked",
        HTTPStatus.UNAUTHORIZED,
        "The session was ended.",
        "Sign in again.",
    ),
    ProblemKind(
        "refresh_reused",
        HTTPStatus.UNAUTHORIZED,
        "The refresh token was used before, so its session was ended.",
        "Sign in again; if it was not you who used it, somebody had your token.",
    ),
    ProblemKind(
        "mfa_required",
        HTTPStatus.FORBIDDEN,
        "This asks for your second factor.",
        "Add an authenticator at /v1/users/me/authenticators, or prove yours at /v1/auth/step-up.",
    ),
    ProblemKind(
        "authenticator_exists",
        HTTPStatus.CONFLICT,
        "You have an authenticator already.",
        "Remove it before you add another.",
    ),
    ProblemKind(
        "authenticator_needed",
        HTTPStatus.CONFLICT,
        "Recovery codes stand in for an authenticator, and you have none.",
        "Add one first.",
    ),
    ProblemKind(
        "organization_suspended",
        HTTPStatus.FORBIDDEN,
        "The operators suspended this organization; it can be read, not used.",
        "Ask the operators why.",
    ),
    ProblemKind(
        "membership_suspended",
        HTTPStatus.FORBIDDEN,
        "Your membership of this organization is suspended.",
        "Ask the organization's owners.",
    ),
    ProblemKind(
        "already_member",
        HTTPStatus.CONFLICT,
        "This person is a member of the organization already.",
        "Nothing: what was asked for is so.",
    ),
    ProblemKind(
        "last_owner",
        HTTPStatus.CONFLICT,
        "An organization keeps at least one owner.",
        "Make somebody else an owner first.",
    ),
    ProblemKind(
        "audit_export_not_ready",
        HTTPStatus.CONFLICT,
        "The export is not written yet.",
        "Ask for it again in a few seconds, until its status is done.",
    ),
    ProblemKind(
        "data_request_open",
        HTTPStatus.CONFLICT,
        "A request of this kind is being worked on.",
        "Wait until it is done, or cancel it.",
    ),
    ProblemKind(
        "data_request_closed",
        HTTPStatus.CONFLICT,
        "The request is done, or was cancelled, or is too far to be cancelled.",
        "Ask for the request to see what became of it.",
    ),
    ProblemKind(
        "data_not_ready",
        HTTPStatus.CONFLICT,
        "The copy of the data is not written yet.",
        "Ask for the request until its status is done, then fetch the copy.",
    ),
)

OF_ORGANIZATIONS = (
    ProblemKind(
        "slug_taken",
        HTTPStatus.CONFLICT,
        "Another organization is called so in addresses.",
        "Choose another slug, or leave it out.",
    ),
    ProblemKind(
        "seat_limit_reached",
        HTTPStatus.CONFLICT,
        "The organization has as many members and invitations as its settings allow.",
        "Raise member_limit, or remove somebody first.",
    ),
    ProblemKind(
        "domain_not_allowed",
        HTTPStatus.FORBIDDEN,
        "The organization takes only members with addresses of its own domains.",
        "Use an address of one of allowed_domains, or add the domain to them.",
    ),
    ProblemKind(
        "already_invited",
        HTTPStatus.CONFLICT,
        "This address has an open invitation.",
        "Send that one again, or revoke it.",
    ),
    ProblemKind(
        "invitation_closed",
        HTTPStatus.CONFLICT,
        "This invitation was accepted, declined or revoked.",
        "Invite the address anew.",
    ),
    ProblemKind(
        "invitation_expired",
        HTTPStatus.GONE,
        "This invitation is too old.",
        "Ask whoever invited you to send it again.",
    ),
    ProblemKind(
        "invitation_limit_reached",
        HTTPStatus.CONFLICT,
        "So many invitations are open that there can be no more.",
        "Revoke some, or wait until they are accepted.",
    ),
    ProblemKind(
        "resend_limit_reached",
        HTTPStatus.CONFLICT,
        "This invitation was sent as often as it may be.",
        "Revoke it and invite the address anew.",
    ),
    ProblemKind(
        "wrong_address",
        HTTPStatus.FORBIDDEN,
        "This invitation is for another address.",
        "Sign in with the address that it was sent to.",
    ),
    ProblemKind(
        "transfer_closed",
        HTTPStatus.CONFLICT,
        "No offer of the ownership is open: it was answered or cancelled, or is too old.",
        "Ask for the transfer to see; an owner may offer the ownership anew.",
    ),
    ProblemKind(
        "transfer_pending",
        HTTPStatus.CONFLICT,
        "The ownership is being offered to somebody already.",
        "Cancel that offer first.",
    ),
    ProblemKind(
        "api_key_invalid",
        HTTPStatus.UNAUTHORIZED,
        "The API key is none of ours, or no longer, or not good from that address.",
        "Look at the organization's keys: expires_at, revoked_at and networks.",
    ),
    ProblemKind(
        "api_key_not_taken",
        HTTPStatus.FORBIDDEN,
        "No API key is taken here: it is for people, or the gateway knows no keys.",
        "Sign in instead; openapi.json says which operations take keys.",
    ),
    ProblemKind(
        "scopes_exceed_role",
        HTTPStatus.FORBIDDEN,
        "A key was to be given what its maker's own role does not allow.",
        "Leave out what errors points to, or ask somebody whose role allows it.",
    ),
    ProblemKind(
        "api_key_ended",
        HTTPStatus.CONFLICT,
        "The key was revoked, or its time is over.",
        "Make another one.",
    ),
    ProblemKind(
        "api_key_rotated",
        HTTPStatus.CONFLICT,
        "The key was rotated already.",
        "Use its successor; if the text of that is lost, revoke it and rotate again.",
    ),
    ProblemKind(
        "service_account_disabled",
        HTTPStatus.CONFLICT,
        "The service account is disabled for good.",
        "Make another one.",
    ),
    ProblemKind(
        "service_account_name_taken",
        HTTPStatus.CONFLICT,
        "Another service account of the organization is called so.",
        "Choose another name; one that is disabled can be given another, too.",
    ),
)

OF_BILLING = (
    ProblemKind(
        "customer_pending",
        HTTPStatus.CONFLICT,
        "The account was created a moment ago; its billing customer is being opened.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "already_subscribed",
        HTTPStatus.CONFLICT,
        "The customer has a live subscription to this plan.",
        "Use it, or wait for its end.",
    ),
    ProblemKind(
        "subscription_not_active",
        HTTPStatus.CONFLICT,
        "The subscription has expired already.",
        "Nothing: what was asked for is so.",
    ),
)
