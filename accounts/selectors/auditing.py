"""The record of who did what, how far it is proved, and its exports."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.errors import AuditExportNotReady
from accounts.models import (
    AuditAnchor,
    AuditEntry,
    AuditExport,
    AuditPersonal,
    AuditSeal,
    File,
    Organization,
)
from accounts.selectors.chain import NO_ORGANIZATION
from opencore.errors import NotFound
from opencore.rest import IDENTITY, TIME, Filter, Listing, Sort

# So many seals are looked at for each chain that is shown.
LOOKED_AT = 20

# What the record can be asked for, in its list as in its exports.
RECORD = Listing(
    model=AuditEntry,
    filters=(
        Filter(name="actor_id", kind=IDENTITY),
        Filter(name="action", lookups=("in",), one_of=tuple(AuditEntry.Action.values)),
        Filter(name="target_id", kind=IDENTITY),
        Filter(name="outcome", one_of=tuple(AuditEntry.Outcome.values)),
        Filter(name="occurred_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(Sort(name="seq", key=("seq",), index="accounts_audit_of_org"),),
)
EXPORTS = Listing(
    model=AuditExport,
    sorts=(
        Sort(
            name="created_at",
            key=("created_at", "id"),
            index="accounts_exports_of_org",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How far an organization's record is sealed, and how far Kafka can prove it."""

    number: int
    hash: bytes
    sealed_at: datetime | None
    anchor: AuditAnchor | None


def audit_entries_of(*, organization: Organization) -> QuerySet[AuditEntry]:
    """Return what was done in an organization, with what is personal about it."""
    entries = AuditEntry.objects.filter(organization_id=organization.id)
    return entries.select_related("personal")


def personal_of(entry: AuditEntry) -> AuditPersonal | None:
    """Return what is personal about an entry, if there is any and it was not erased."""
    return getattr(entry, "personal", None)


def head_of(*, chain_id: UUID) -> ChainHead:
    """Return the end of a chain, and the newest of it that was read back from Kafka."""
    seal = AuditSeal.objects.filter(chain_id=chain_id).order_by("-number").first()
    anchors = AuditAnchor.objects.filter(chain_id=chain_id)
    return ChainHead(
        number=0 if seal is None else seal.number,
        hash=b"" if seal is None else bytes(seal.hash),
        sealed_at=None if seal is None else seal.sealed_at,
        anchor=anchors.order_by("-number").first(),
    )


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of the record: of an organization, or of what belongs to none."""

    chain_id: UUID
    organization: Organization | None
    head: ChainHead


def get_chain(*, chain_id: UUID) -> Chain:
    """Return a chain and its end, though nothing be sealed yet."""
    return Chain(
        chain_id=chain_id,
        organization=Organization.objects.filter(id=chain_id).first(),
        head=head_of(chain_id=chain_id),
    )


def chains_sealed_lately(*, most: int) -> list[Chain]:
    """Return the chains that grew last, and that of what belongs to nobody."""
    newest = AuditSeal.objects.order_by("-entry_id").values_list("chain_id", flat=True)
    ids = [NO_ORGANIZATION, *newest[: most * LOOKED_AT]]
    return [get_chain(chain_id=each) for each in [*dict.fromkeys(ids)][:most]]


def seal_of(*, entry: AuditEntry) -> AuditSeal | None:
    """Return where an entry stands in its chain; None until it is sealed."""
    return AuditSeal.objects.filter(entry_id=entry.seq).first()


def exports_of(*, organization: Organization) -> QuerySet[AuditExport]:
    """Return the exports that were asked for in an organization."""
    exports = AuditExport.objects.filter(organization_id=organization.id)
    return exports.select_related("file")


def get_export(*, organization: Organization, export_id: UUID) -> AuditExport:
    """Return an export of the organization; raises NotFound."""
    found = exports_of(organization=organization).filter(id=export_id).first()
    if found is None:
        raise NotFound
    return found


def get_export_file(
    *, organization: Organization, export_id: UUID, now: datetime
) -> File:
    """Return what an export wrote; raises AuditExportNotReady, NotFound once gone."""
    export = get_export(organization=organization, export_id=export_id)
    if export.status in {AuditExport.Status.PENDING, AuditExport.Status.RUNNING}:
        raise AuditExportNotReady
    if export.file is None or export.file.expires_at <= now:
        raise NotFound
    return export.file
