"""What paths and bodies name: made when it is asked for, for who asks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pyotp
from django.utils import timezone

from accounts.models import (
    ApiKey,
    AuditExport,
    Authenticator,
    Challenge,
    DataRequest,
    Impersonation,
    Invitation,
    Membership,
    Organization,
    OwnershipTransfer,
    ServiceAccount,
    Session,
    User,
)
from accounts.services import request_code, request_email_change
from accounts.services.challenges import hash_of_code
from accounts.services.files import begin_file
from accounts.services.tickets import issue_ticket
from billing.models import Customer, Payment, Subscription
from gateway_proxy.models import TableVersion
from notifications.models import Notification
from opencore.hashing import lookup_hash
from opencore.sealing import seal
from opencore.tokens import mint_refresh
from outbox.models import Replay
from tests.authorization.world import World
from tests.outbox.letters import store_letters

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LATER = datetime(2048, 1, 1, tzinfo=UTC)
Maker = Callable[[World, User, Organization], object]


def named(thing: str, world: World, caller: User, organization: Organization) -> str:
    """Return the id of a thing, which is made now for who asks and where."""
    return str(MAKERS[thing](world, caller, organization))


def filled_in(value: Any, name: Callable[[str], str]) -> Any:  # noqa: ANN401 -- JSON is any value
    """Return a body with what stands in braces, such as "{member}", named."""
    if isinstance(value, dict):
        return {key: filled_in(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled_in(each, name) for each in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return name(value[1:-1])
    return value


def session_of(person: User) -> Session:
    """Let a person be signed in once more."""
    now = timezone.now()
    return Session.objects.create(
        user=person,
        created_at=now,
        rotated_at=now,
        authenticated_at=now,
        idle_expires_at=now + timedelta(days=1),
        expires_at=now + timedelta(days=1),
    )


def _refresh_token(_: World, caller: User, __: Organization) -> str:
    session = session_of(caller)
    return mint_refresh(
        user_id=caller.id,
        session_id=session.id,
        generation=session.generation,
        now=timezone.now(),
    )


def _challenge(_: World, caller: User, __: Organization) -> object:
    asked = request_code(
        email=caller.email, now=timezone.now(), ip=None, user_agent="tests"
    )
    return asked.challenge_id


def _email_challenge(_: World, caller: User, __: Organization) -> object:
    asked = request_email_change(
        user_id=caller.id,
        email="new@example.com",
        now=timezone.now(),
        ip=None,
        user_agent="tests",
    )
    known = hash_of_code(asked.challenge_id, "12345678")
    Challenge.objects.filter(id=asked.challenge_id).update(code_hmac=known)
    return asked.challenge_id


def _impersonation(world: World, caller: User, _: Organization) -> object:
    person = world.people["stranger"]
    impersonator = world.people["operator"] if caller == person else caller
    return Impersonation.objects.create(
        session=session_of(person),
        user=person,
        impersonator=impersonator,
        reason="a test",
        started_at=timezone.now(),
        expires_at=LATER,
    ).id


def _invitation(_: World, caller: User, organization: Organization) -> object:
    return Invitation.objects.create(
        organization=organization,
        email="invited@example.com",
        role="member",
        token_hmac=uuid4().bytes,
        invited_by=caller.id,
        sent_at=timezone.now() - timedelta(hours=1),
        expires_at=LATER,
    ).id


def _invitation_of_an_owner(
    world: World, caller: User, organization: Organization
) -> object:
    invitation_id = _invitation(world, caller, organization)
    Invitation.objects.filter(id=str(invitation_id)).update(role="owner")
    return invitation_id


def _other_owner(world: World, _: User, organization: Organization) -> object:
    other = world.people["stranger"]
    Membership.objects.create(organization=organization, user=other, role="owner")
    return other.id


def _own_invitation(world: World, caller: User, _: Organization) -> object:
    # To where nobody but the outsider is a member already.
    return _invited_to(world.globex, caller, uuid4().hex).id


def _invitation_token(world: World, caller: User, _: Organization) -> str:
    token = f"oci_{uuid4().hex}"
    _invited_to(world.globex, caller, token)
    return token


def _invited_to(organization: Organization, person: User, token: str) -> Invitation:
    return Invitation.objects.create(
        organization=organization,
        email=person.email,
        role="member",
        token_hmac=lookup_hash(token, purpose="invitation"),
        invited_by=organization.created_by,
        sent_at=timezone.now(),
        expires_at=LATER,
    )


def _transfer(world: World, _: User, organization: Organization) -> object:
    return OwnershipTransfer.objects.create(
        organization=organization,
        from_user=world.people["owner"],
        to_user=world.people["bystander"],
        expires_at=LATER,
    ).id


def _service_account(_: World, caller: User, organization: Organization) -> object:
    return ServiceAccount.objects.create(
        organization=organization, name="robot", role="viewer", created_by=caller.id
    ).id


def _api_key(world: World, caller: User, organization: Organization) -> object:
    return ApiKey.objects.create(
        organization=organization,
        service_account_id=str(_service_account(world, caller, organization)),
        name="deploy",
        prefix=uuid4().hex[:8],
        secret_hmac=b"",
        scopes=["org.read"],
        created_by=caller.id,
    ).id


def _authenticator(_: World, caller: User, __: Organization) -> object:
    return Authenticator.objects.create(user=caller, sealed_secret=seal(SECRET)).id


def _totp_code(*_: object) -> str:
    return pyotp.TOTP(SECRET).now()


def _code_of_phone(world: World, caller: User, organization: Organization) -> str:
    phone_id = _authenticator(world, caller, organization)
    Authenticator.objects.filter(id=str(phone_id)).update(confirmed_at=timezone.now())
    return _totp_code()


def _ticket(world: World, caller: User, organization: Organization) -> str:
    challenge_id = _challenge(world, caller, organization)
    challenge = Challenge.objects.get(id=str(challenge_id))
    return issue_ticket(challenge=challenge, user=caller, now=timezone.now()).ticket


def _data_request(_: World, caller: User, __: Organization) -> object:
    return DataRequest.objects.create(
        user=caller,
        kind="erasure",
        requested_by=caller.id,
        not_before=LATER,
        due_at=LATER,
    ).id


def _answered_data_request(_: World, caller: User, __: Organization) -> object:
    file = begin_file(
        name="data.zip",
        media_type="application/zip",
        expires_at=LATER,
        user_id=caller.id,
    ).finish()
    return DataRequest.objects.create(
        user=caller,
        kind="export",
        status="done",
        requested_by=caller.id,
        not_before=LATER,
        due_at=LATER,
        file=file,
    ).id


def _audit_export(_: World, caller: User, organization: Organization) -> object:
    return AuditExport.objects.create(
        organization_id=organization.id, requested_by=caller.id, format="csv"
    ).id


def _finished_audit_export(
    world: World, caller: User, organization: Organization
) -> object:
    export_id = _audit_export(world, caller, organization)
    file = begin_file(
        name="record.csv",
        media_type="text/csv",
        expires_at=LATER,
        organization_id=organization.id,
    ).finish()
    AuditExport.objects.filter(id=str(export_id)).update(status="done", file=file)
    return export_id


def _notification(_: World, caller: User, __: Organization) -> object:
    return Notification.objects.create(
        user_id=caller.id, type="welcome", event_id=uuid4(), title="Hello", body=""
    ).id


def _payment(_: World, caller: User, __: Organization) -> object:
    return Payment.objects.create(
        customer=Customer.objects.get(user_id=caller.id),
        user_id=caller.id,
        amount_minor=1,
        currency="EUR",
        provider="manual",
        provider_ref=uuid4().hex,
        status="succeeded",
    ).id


def _subscription(_: World, caller: User, __: Organization) -> object:
    return Subscription.objects.create(
        customer=Customer.objects.get(user_id=caller.id),
        user_id=caller.id,
        plan="pro",
        period_end=LATER,
    ).id


def _replay(_: World, caller: User, __: Organization) -> object:
    return Replay.objects.create(
        state="queued", reason="a test", actor=str(caller.id), planned=0
    ).id


def _version(_: World, caller: User, __: Organization) -> object:
    return TableVersion.objects.create(
        version=1, changes={}, actor=str(caller.id), reason="a test"
    ).version


MAKERS: dict[str, Maker] = {
    "member": lambda world, _, __: world.people["bystander"].id,
    "outsider": lambda world, _, __: world.people["outsider"].id,
    "stranger": lambda world, _, __: world.people["stranger"].id,
    "session": lambda _, caller, __: session_of(caller).id,
    "refresh_token": _refresh_token,
    "challenge": _challenge,
    "email_challenge": _email_challenge,
    "impersonation": _impersonation,
    "invitation": _invitation,
    "invitation_of_an_owner": _invitation_of_an_owner,
    "other_owner": _other_owner,
    "organization": lambda _, __, organization: organization.id,
    "own_invitation": _own_invitation,
    "invitation_token": _invitation_token,
    "transfer": _transfer,
    "service_account": _service_account,
    "api_key": _api_key,
    "authenticator": _authenticator,
    "totp_code": _totp_code,
    "code_of_phone": _code_of_phone,
    "ticket": _ticket,
    "data_request": _data_request,
    "answered_data_request": _answered_data_request,
    "audit_export": _audit_export,
    "finished_audit_export": _finished_audit_export,
    "notification": _notification,
    "payment": _payment,
    "subscription": _subscription,
    "dead_letter": lambda *_: store_letters(1)[0].id,
    "replay": _replay,
    "topic": lambda *_: "opencore.user.v1",
    "version": _version,
}
