"""What accounts does, each in one transaction: the change, the record, the event."""

from accounts.services.addresses import change_email, request_email_change
from accounts.services.answering import accept_invitation, decline_invitation
from accounts.services.api_keys import (
    KeyWanted,
    NewKey,
    create_api_key,
    revoke_api_key,
    rotate_api_key,
)
from accounts.services.audit_exports import request_audit_export, write_next_export
from accounts.services.challenges import (
    Asked,
    delete_stale_challenges,
    issue_challenge,
    redeem_challenge,
)
from accounts.services.data_requests import (
    cancel_request,
    remind_of_erasures,
    request_data,
)
from accounts.services.erasing import erase_on_request
from accounts.services.exporting import export_data
from accounts.services.factors import (
    begin_authenticator,
    confirm_authenticator,
    remove_authenticator,
)
from accounts.services.files import delete_expired_files, parts_of
from accounts.services.forgetting import forget_person
from accounts.services.impersonating import (
    Acting,
    end_impersonation,
    start_impersonation,
)
from accounts.services.inviting import (
    delete_stale_invitations,
    invite,
    resend_invitation,
    revoke_invitation,
)
from accounts.services.locking import (
    delete_stale_locks,
    lock_sign_in,
    unlock_sign_in,
)
from accounts.services.members import (
    add_member,
    change_role_of_member,
    remove_member,
    resume_member,
    suspend_member,
)
from accounts.services.operators import (
    begin_operator_sign_in,
    forget_factors,
    note_operator_sign_in,
    prove_operator,
    tell_operator_code,
)
from accounts.services.organizations import (
    create_organization,
    delete_organization,
    resume_organization,
    suspend_organization,
    update_organization,
)
from accounts.services.own_sessions import (
    end_own_session,
    end_own_sessions,
    forget_place,
    label_session,
    work_in,
)
from accounts.services.people import (
    activate_user,
    change_role,
    deactivate_user,
    find_or_create_user,
    make_operator,
    set_password,
)
from accounts.services.profiles import update_profile
from accounts.services.recognizing import look_up_key, recognize_key
from accounts.services.recovery import make_recovery_codes
from accounts.services.refreshing import refresh_session
from accounts.services.resealing import reseal_authenticators
from accounts.services.revoking import republish_revocations
from accounts.services.sealing import keep_anchor, seal_entries
from accounts.services.service_accounts import (
    create_service_account,
    disable_service_account,
    update_service_account,
)
from accounts.services.sessions import (
    Tokens,
    end_sessions,
    log_out,
)
from accounts.services.signing_in import (
    SignedIn,
    request_code,
    verify_code,
    verify_second_factor,
)
from accounts.services.stepping_up import StepUpAsked, begin_step_up, finish_step_up
from accounts.services.tickets import FactorAsked
from accounts.services.transferring import (
    accept_ownership,
    cancel_transfer,
    offer_ownership,
)

__all__ = (
    "Acting",
    "Asked",
    "FactorAsked",
    "KeyWanted",
    "NewKey",
    "SignedIn",
    "StepUpAsked",
    "Tokens",
    "accept_invitation",
    "accept_ownership",
    "activate_user",
    "add_member",
    "begin_authenticator",
    "begin_operator_sign_in",
    "begin_step_up",
    "cancel_request",
    "cancel_transfer",
    "change_email",
    "change_role",
    "change_role_of_member",
    "confirm_authenticator",
    "create_api_key",
    "create_organization",
    "create_service_account",
    "deactivate_user",
    "decline_invitation",
    "delete_expired_files",
    "delete_organization",
    "delete_stale_challenges",
    "delete_stale_invitations",
    "delete_stale_locks",
    "disable_service_account",
    "end_impersonation",
    "end_own_session",
    "end_own_sessions",
    "end_sessions",
    "erase_on_request",
    "export_data",
    "find_or_create_user",
    "finish_step_up",
    "forget_factors",
    "forget_person",
    "forget_place",
    "invite",
    "issue_challenge",
    "keep_anchor",
    "label_session",
    "lock_sign_in",
    "log_out",
    "look_up_key",
    "make_operator",
    "make_recovery_codes",
    "note_operator_sign_in",
    "offer_ownership",
    "parts_of",
    "prove_operator",
    "recognize_key",
    "redeem_challenge",
    "refresh_session",
    "remind_of_erasures",
    "remove_authenticator",
    "remove_member",
    "republish_revocations",
    "request_audit_export",
    "request_code",
    "request_data",
    "request_email_change",
    "reseal_authenticators",
    "resend_invitation",
    "resume_member",
    "resume_organization",
    "revoke_api_key",
    "revoke_invitation",
    "rotate_api_key",
    "seal_entries",
    "set_password",
    "start_impersonation",
    "suspend_member",
    "suspend_organization",
    "tell_operator_code",
    "unlock_sign_in",
    "update_organization",
    "update_profile",
    "update_service_account",
    "verify_code",
    "verify_second_factor",
    "work_in",
    "write_next_export",
)
