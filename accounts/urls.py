"""Where accounts' endpoints are."""

from django.urls import URLPattern, path

from accounts.views import (
    addresses,
    answering,
    api_keys,
    auditing,
    factors,
    impersonating,
    invitations,
    members,
    organizations,
    people,
    privacy,
    service_accounts,
    sessions,
    signing_in,
    stepping_up,
    transferring,
)

SESSIONS = "users/me/sessions"
ORGANIZATION = "orgs/<uuid:organization_id>"
INVITATION = f"{ORGANIZATION}/invitations/<uuid:invitation_id>"
AUTHENTICATORS = "users/me/authenticators"
TRANSFER = f"{ORGANIZATION}/ownership-transfer"
OWN_INVITATION = "users/me/invitations/<uuid:invitation_id>"
DATA_REQUEST = "users/me/data-requests/<uuid:request_id>"

urlpatterns: list[URLPattern] = [
    path("auth/otp", signing_in.CodeRequestsView.as_view()),
    path("auth/otp/verify", signing_in.CodeVerificationsView.as_view()),
    path("auth/mfa/verify", signing_in.SecondFactorsView.as_view()),
    path("auth/refresh", signing_in.RefreshView.as_view()),
    path("auth/logout", signing_in.LogoutView.as_view()),
    path("auth/step-up", stepping_up.StepUpsView.as_view()),
    path("auth/step-up/verify", stepping_up.StepUpVerificationsView.as_view()),
    path("auth/session", sessions.CurrentSessionView.as_view()),
    path("auth/switch-org", sessions.SwitchView.as_view()),
    path("users/me", people.MeView.as_view()),
    path("users/me/email-change", addresses.EmailChangesView.as_view()),
    path(
        "users/me/email-change/verify",
        addresses.EmailChangeVerificationsView.as_view(),
    ),
    path(SESSIONS, sessions.SessionsView.as_view()),
    path(f"{SESSIONS}/revoke-others", sessions.OtherSessionsEndingView.as_view()),
    path(f"{SESSIONS}/revoke-all", sessions.AllSessionsEndingView.as_view()),
    path(f"{SESSIONS}/<uuid:session_id>", sessions.SessionView.as_view()),
    path(AUTHENTICATORS, factors.AuthenticatorsView.as_view()),
    path(
        f"{AUTHENTICATORS}/<uuid:authenticator_id>",
        factors.AuthenticatorView.as_view(),
    ),
    path(
        f"{AUTHENTICATORS}/<uuid:authenticator_id>/confirm",
        factors.ConfirmationView.as_view(),
    ),
    path("users/me/recovery-codes", factors.RecoveryCodesView.as_view()),
    path("users/me/invitations", answering.OwnInvitationsView.as_view()),
    path(f"{OWN_INVITATION}/accept", answering.OwnInvitationAcceptanceView.as_view()),
    path(f"{OWN_INVITATION}/decline", answering.OwnInvitationDeclineView.as_view()),
    path("invitations/<str:token>", answering.LinkView.as_view()),
    path("invitations/<str:token>/accept", answering.LinkAcceptanceView.as_view()),
    path("users/me/data-requests", privacy.DataRequestsView.as_view()),
    path(DATA_REQUEST, privacy.DataRequestView.as_view()),
    path(f"{DATA_REQUEST}/content", privacy.DataRequestContentView.as_view()),
    path("ops/impersonations", impersonating.ImpersonationsView.as_view()),
    path(
        "ops/impersonations/<uuid:impersonation_id>",
        impersonating.ImpersonationView.as_view(),
    ),
    path("orgs", organizations.OrganizationsView.as_view()),
    path(ORGANIZATION, organizations.OrganizationView.as_view()),
    path(f"{ORGANIZATION}/roles", organizations.RolesView.as_view()),
    path(f"{ORGANIZATION}/leave", members.LeaveView.as_view()),
    path(f"{ORGANIZATION}/members", members.MembersView.as_view()),
    path(f"{ORGANIZATION}/members/<uuid:user_id>", members.MemberView.as_view()),
    path(f"{ORGANIZATION}/invitations", invitations.InvitationsView.as_view()),
    path(f"{INVITATION}/resend", invitations.InvitationResendView.as_view()),
    path(f"{INVITATION}/revoke", invitations.InvitationRevocationView.as_view()),
    path(
        f"{ORGANIZATION}/service-accounts",
        service_accounts.ServiceAccountsView.as_view(),
    ),
    path(
        f"{ORGANIZATION}/service-accounts/<uuid:account_id>",
        service_accounts.ServiceAccountView.as_view(),
    ),
    path(f"{ORGANIZATION}/api-keys", api_keys.ApiKeysView.as_view()),
    path(f"{ORGANIZATION}/api-keys/<uuid:key_id>", api_keys.ApiKeyView.as_view()),
    path(
        f"{ORGANIZATION}/api-keys/<uuid:key_id>/rotate",
        api_keys.ApiKeyRotationView.as_view(),
    ),
    path(TRANSFER, transferring.TransferView.as_view()),
    path(f"{TRANSFER}/accept", transferring.TransferAcceptanceView.as_view()),
    path(f"{TRANSFER}/cancel", transferring.TransferCancellationView.as_view()),
    path(f"{ORGANIZATION}/audit-events", auditing.AuditEntriesView.as_view()),
    path(f"{ORGANIZATION}/audit-events/head", auditing.ChainHeadView.as_view()),
    path(f"{ORGANIZATION}/audit-exports", auditing.AuditExportsView.as_view()),
    path(
        f"{ORGANIZATION}/audit-exports/<uuid:export_id>",
        auditing.AuditExportView.as_view(),
    ),
    path(
        f"{ORGANIZATION}/audit-exports/<uuid:export_id>/content",
        auditing.AuditExportContentView.as_view(),
    ),
]
