"""A row in every table that belongs to an organization or to a person."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import ForeignKey, Model

from accounts.models import (
    ApiKey,
    AuditAnchor,
    AuditEntry,
    AuditExport,
    AuditPersonal,
    AuditSeal,
    Authenticator,
    DataRequest,
    File,
    FilePart,
    Impersonation,
    Invitation,
    Membership,
    Organization,
    OwnershipTransfer,
    RecoveryCode,
    ServiceAccount,
    Session,
    User,
)
from billing.models import Customer, OrgMember, Payment, Subscription
from notifications.models import Notification, Recipient

NOW = datetime(2028, 2, 28, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
# Columns by which a row is somebody's, whatever the app calls them.
OWNED_BY = {"organization_id", "org_id", "chain_id", "user_id"}
# What requests of everybody read and write, and why that has to be.
SHARED = {
    # Who signs in is found by an address, before they are anybody; members are shown
    # to each other, and who is added is named by address or id.
    "accounts_user",
    # Of somebody who is not signed in; known by an id that only the asker was told.
    "accounts_challenge",
    "accounts_addresslock",
    # Found by who asks and the key that they made up.
    "opencore_idempotencykey",
}


def tables_of_requests() -> set[str]:
    """Return the tables of which the role of requests may read or write anything."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct table_name from information_schema.role_table_grants"
            " where grantee = %s",
            [settings.DATABASE_API_ROLE],
        )
        return {name for (name,) in cursor.fetchall()}


def owned_models() -> set[type[Model]]:
    """Return the models whose rows are somebody's, and whose parts are."""
    models = {model for model in apps.get_models() if model._meta.managed}
    owned = {model for model in models if OWNED_BY & columns(model)} | {Organization}
    reached = {*owned}
    while reached:
        reached = {model for model in models - owned if reached & targets(model)}
        owned |= reached
    return owned


def columns(model: type[Model]) -> set[str]:
    return {str(field.column) for field in model._meta.local_fields}


def targets(model: type[Model]) -> set[type[Model]]:
    return {
        field.related_model
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey) and isinstance(field.related_model, type)
    }


def rows_of(organization: Organization, person: User) -> dict[type[Model], Model]:
    """Make a row in every table: of an organization, and of a person who owns it."""
    account = ServiceAccount.objects.create(
        organization=organization, name="ci", role="admin", created_by=person.id
    )
    rows: list[Model] = [
        organization,
        Membership.objects.create(organization=organization, user=person, role="owner"),
        Invitation.objects.create(
            organization=organization,
            email="invited@example.com",
            role="member",
            token_hmac=organization.id.bytes,
            invited_by=person.id,
            sent_at=NOW,
            expires_at=LATER,
        ),
        OwnershipTransfer.objects.create(
            organization=organization,
            from_user=person,
            to_user=User.objects.create(email=f"{uuid4()}@example.com"),
            expires_at=LATER,
        ),
        account,
        ApiKey.objects.create(
            organization=organization,
            service_account=account,
            name="ci",
            prefix=organization.id.hex,
            secret_hmac=b"",
            scopes=[],
            created_by=person.id,
        ),
        *_record_of(organization),
        *_files_of(organization, person),
        *_proofs_of(person),
        *_books_of(organization.id, person.id),
        Recipient.objects.create(user_id=person.id, email=person.email),
        Notification.objects.create(
            user_id=person.id, type="welcome", event_id=uuid4(), title="", body=""
        ),
    ]
    return {type(row): row for row in rows}


def _record_of(organization: Organization) -> list[Model]:
    entry = AuditEntry.objects.create(
        action="organization.created",
        target_id=organization.id,
        organization_id=organization.id,
    )
    return [
        entry,
        AuditPersonal.objects.create(
            entry=entry, organization_id=organization.id, salt=b"", data={}
        ),
        AuditSeal.objects.create(
            entry=entry,
            chain_id=organization.id,
            number=1,
            previous_hash=b"",
            hash=b"",
        ),
        AuditAnchor.objects.create(
            chain_id=organization.id,
            number=1,
            hash=b"",
            event_id=uuid4(),
            topic="",
            partition=0,
            offset=0,
        ),
    ]


def _files_of(organization: Organization, person: User) -> list[Model]:
    file = File.objects.create(
        organization_id=organization.id,
        name="record.csv",
        media_type="text/csv",
        size=1,
        sha256=b"",
        expires_at=LATER,
    )
    return [
        file,
        FilePart.objects.create(file=file, number=1, content=b"a"),
        AuditExport.objects.create(
            organization_id=organization.id,
            requested_by=person.id,
            format="csv",
            file=file,
        ),
        DataRequest.objects.create(
            user=person,
            kind="export",
            requested_by=person.id,
            not_before=NOW,
            due_at=LATER,
        ),
    ]


def _proofs_of(person: User) -> list[Model]:
    session = Session.objects.create(
        user=person,
        created_at=NOW,
        rotated_at=NOW,
        idle_expires_at=LATER,
        expires_at=LATER,
    )
    return [
        session,
        Impersonation.objects.create(
            session=session,
            user=person,
            impersonator=User.objects.create(email=f"{uuid4()}@example.com"),
            reason="asked for it",
            started_at=NOW,
            expires_at=LATER,
        ),
        Authenticator.objects.create(user=person, sealed_secret=""),
        RecoveryCode.objects.create(user=person, prefix="a", code_hash=""),
    ]


def _books_of(organization_id: UUID, user_id: UUID) -> list[Model]:
    customer = Customer.objects.create(org_id=organization_id)
    return [
        OrgMember.objects.create(org_id=organization_id, user_id=user_id, role="owner"),
        customer,
        Payment.objects.create(
            customer=customer,
            user_id=user_id,
            amount_minor=1,
            currency="EUR",
            provider="manual",
            provider_ref=str(organization_id),
            status="succeeded",
        ),
        Subscription.objects.create(
            customer=customer, user_id=user_id, plan="pro", period_end=LATER
        ),
    ]
