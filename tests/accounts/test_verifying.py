"""Whatever is changed in the record is found, at the row; erasure proves it still."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry, AuditPersonal, AuditSeal
from accounts.selectors import verifying
from accounts.selectors.verifying import Verdict, verify_chain
from accounts.services import keep_anchor, seal_entries
from accounts.services.auditing import record
from opencore.context import Device, working_for
from tests.accounts.tampering import (
    change_entry,
    change_seal,
    delete_with_seal,
    tamper,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
ACME, OTHER = UUID(int=8), UUID(int=9)
ADA, GRACE = UUID(int=7), UUID(int=6)
SLIPPED = "the entry has no seal in its place, but later ones have"
BROWSER = Device(ip="192.0.2.1", user_agent="Browser/1")


def note(actor_id: UUID = ADA, organization_id: UUID = ACME) -> AuditEntry:
    with working_for(request_id="request-1", device=BROWSER):
        return record(
            AuditEntry.Action.MEMBER_ADDED,
            target_id=uuid4(),
            actor_id=actor_id,
            organization_id=organization_id,
            justification="she asked",
            role="member",
        )


@pytest.fixture(autouse=True)
def entries() -> list[AuditEntry]:
    """Five sealed entries of acme, among those of another organization."""
    made = []
    for _ in range(5):
        made.append(note())
        note(organization_id=OTHER)
    assert seal_entries(now=NOW) == 10
    return made


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let five entries be more than one chunk."""
    monkeypatch.setattr(verifying, "CHUNK", 2)


def found() -> tuple[int | None, int | None, str] | None:
    """Return number, seq and what is wrong of acme's first bad row."""
    finding = verify_chain(chain_id=ACME).finding
    return None if finding is None else (finding.number, finding.seq, finding.wrong)


def anchor(number: int, chain_hash: bytes | None = None) -> None:
    """Let Kafka have acme's chain up to this number."""
    head = AuditSeal.objects.get(chain_id=ACME, number=number)
    keep_anchor(
        chain_id=ACME,
        number=number,
        chain_hash=bytes(head.hash) if chain_hash is None else chain_hash,
        event_id=uuid4(),
        topic="opencore.audit.v1",
        partition=0,
        offset=number,
    )


def test_a_record_that_nobody_changed_is_proved() -> None:
    anchor(2)
    anchor(5)
    note()

    assert verify_chain(chain_id=ACME) == Verdict(
        chain_id=ACME, sealed=5, unsealed=1, anchors=2, anchored=5
    )


CHANGES = {
    "entry_id": "gen_random_uuid()",
    "occurred_at": "occurred_at + interval '1 microsecond'",
    "actor_id": "gen_random_uuid()",
    "actor_kind": "'staff'",
    "on_behalf_of": "gen_random_uuid()",
    "session_id": "gen_random_uuid()",
    "api_key_id": "gen_random_uuid()",
    "action": "'member.removed'",
    "outcome": "'refused'",
    "target_id": "gen_random_uuid()",
    "justification": "'they asked'",
    "metadata": """'{"role": "owner"}'""",
    "request_id": "'request-2'",
}


def test_every_column_is_tried() -> None:
    moved = {"seq", "organization_id", "personal_digest"}

    columns = {field.attname for field in AuditEntry._meta.concrete_fields}
    assert columns == {*CHANGES, *moved}


@pytest.mark.parametrize("index", [0, 2, 4], ids=["first", "middle", "last"])
@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found(
    entries: list[AuditEntry], column: str, index: int
) -> None:
    seq = entries[index].seq

    assert change_entry(seq, f"{column} = {CHANGES[column]}") == 1
    assert found() == (index + 1, seq, "the entry or its seal was changed")


def test_a_changed_digest_is_found(entries: list[AuditEntry]) -> None:
    change_entry(entries[2].seq, "personal_digest = 'x'")

    assert found() == (3, entries[2].seq, "the entry or its seal was changed")


def test_an_entry_that_was_moved_to_another_organization_is_found(
    entries: list[AuditEntry],
) -> None:
    tamper(
        "update accounts_auditentry set organization_id = %s where seq = %s",
        OTHER,
        entries[2].seq,
    )

    assert found() == (3, entries[2].seq, "the entry belongs to another chain")


@pytest.mark.parametrize("index", [0, 2, 4], ids=["first", "middle", "last"])
def test_a_deleted_entry_is_found(entries: list[AuditEntry], index: int) -> None:
    seq = entries[index].seq
    tamper("delete from accounts_auditentry where seq = %s", seq)

    assert found() == (index + 1, seq, "the entry is missing")


def test_an_entry_that_was_deleted_with_its_seal_is_found(
    entries: list[AuditEntry],
) -> None:
    delete_with_seal(entries[2].seq)

    assert found() == (4, entries[3].seq, "number 3 is missing")


def test_an_entry_that_lost_its_seal_is_found(entries: list[AuditEntry]) -> None:
    tamper("delete from accounts_auditseal where entry_id = %s", entries[2].seq)

    assert found() == (
        None,
        entries[2].seq,
        SLIPPED,
    )


def test_an_inserted_entry_is_found(entries: list[AuditEntry]) -> None:
    change_entry(entries[2].seq, "seq = -seq")
    tamper(
        """insert into accounts_auditentry
               (seq, entry_id, action, target_id, organization_id, metadata, request_id)
           values (%s, gen_random_uuid(), 'x', gen_random_uuid(), %s, '{}', '')""",
        entries[2].seq,
        ACME,
    )

    assert found() == (3, entries[2].seq, "the entry or its seal was changed")


def test_an_entry_that_was_put_behind_the_last_seal_of_its_chain_is_found(
    entries: list[AuditEntry],
) -> None:
    stranger = AuditEntry.objects.get(seq=entries[4].seq + 1)
    tamper(
        "update accounts_auditentry set organization_id = %s where seq = %s",
        ACME,
        stranger.seq,
    )

    assert found() == (
        None,
        stranger.seq,
        SLIPPED,
    )


def test_entries_that_changed_places_are_found(entries: list[AuditEntry]) -> None:
    first, second = entries[1].seq, entries[2].seq
    for before, after in ((first, -1), (second, first), (-1, second)):
        tamper("update accounts_auditentry set seq = %s where seq = %s", after, before)

    assert found() == (2, first, "the entry or its seal was changed")


@pytest.mark.parametrize(
    ("change", "number", "wrong"),
    [
        ("hash = 'x'", 3, "the entry or its seal was changed"),
        ("previous_hash = 'x'", 3, "the seal does not follow the one before it"),
        ("number = 33", None, SLIPPED),
        ("sealed_at = now()", 3, "the entry or its seal was changed"),
    ],
    ids=["hash", "previous hash", "number", "time"],
)
def test_a_changed_seal_is_found(
    entries: list[AuditEntry], change: str, number: int | None, wrong: str
) -> None:
    assert change_seal(entries[2].seq, change) == 1

    assert found() == (number, entries[2].seq, wrong)


def test_a_chain_that_was_sealed_anew_is_found_by_its_anchor(
    entries: list[AuditEntry],
) -> None:
    anchor(5)
    change_entry(entries[2].seq, "action = 'x'")
    tamper("delete from accounts_auditseal")
    assert seal_entries(now=NOW) == 10

    assert found() == (5, entries[4].seq, "the hash is not the one that Kafka has")


def test_a_chain_whose_end_was_cut_off_is_found_by_its_anchor(
    entries: list[AuditEntry],
) -> None:
    anchor(5)
    for entry in entries[3:]:
        delete_with_seal(entry.seq)

    assert found() == (4, None, "the chain ends at 3, but Kafka has 5")


def test_a_changed_personal_part_is_found(entries: list[AuditEntry]) -> None:
    AuditPersonal.objects.filter(entry_id=entries[2].seq).update(data={"ip": "x"})

    assert found() == (3, entries[2].seq, "the personal part was changed")


def test_an_added_personal_part_is_found() -> None:
    entry = record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=uuid4(),
        actor_id=ADA,
        organization_id=ACME,
    )
    seal_entries(now=NOW)
    AuditPersonal.objects.create(entry=entry, salt=b"salt", data={"ip": "192.0.2.9"})

    assert found() == (6, entry.seq, "a personal part was added")


def test_erasing_a_person_keeps_the_chain_valid() -> None:
    note(GRACE)
    seal_entries(now=NOW)
    anchor(6)

    erased, _ = AuditPersonal.objects.filter(person_id=ADA).delete()

    assert erased == 10
    assert AuditPersonal.objects.count() == 1
    assert verify_chain(chain_id=ACME) == Verdict(
        chain_id=ACME, sealed=6, anchors=1, anchored=6
    )


def test_a_chain_is_followed_from_the_last_seal_before_a_time(
    entries: list[AuditEntry],
) -> None:
    later = note()
    seal_entries(now=NOW + timedelta(days=1))
    change_entry(entries[0].seq, "action = 'x'")

    since = verify_chain(chain_id=ACME, since=NOW + timedelta(hours=1))
    change_entry(later.seq, "action = 'x'")
    changed = verify_chain(chain_id=ACME, since=NOW + timedelta(hours=1))

    assert (since.sealed, since.finding) == (1, None)
    assert changed.finding is not None
    assert changed.finding.number == 6


def test_no_more_rows_are_followed_than_allowed(entries: list[AuditEntry]) -> None:
    change_entry(entries[3].seq, "action = 'x'")

    assert verify_chain(chain_id=ACME, most=3) == Verdict(chain_id=ACME, sealed=3)


def test_how_far_it_is_can_be_watched() -> None:
    seen: list[int] = []

    verify_chain(chain_id=ACME, progress=seen.append)

    assert seen == [2, 4, 5]


def verify(*arguments: str) -> Sequence[str]:
    """Run the command; return its lines."""
    out = StringIO()
    call_command("audit_verify", *arguments, stdout=out)
    return out.getvalue().splitlines()


def verify_what_is_broken(*arguments: str) -> Sequence[str]:
    """Run the command, which must fail; return its lines."""
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("audit_verify", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command_says_what_it_verified_in_a_sentence() -> None:
    note()

    assert verify() == [
        "Verified 10 entries of 3 chains against 0 anchors; 0 chains are broken,"
        " 1 entries are not sealed yet."
    ]


def test_the_command_names_the_first_bad_row_of_each_chain_and_fails(
    entries: list[AuditEntry],
) -> None:
    tamper("update accounts_auditentry set action = 'x' where action <> 'x'")

    lines = verify_what_is_broken()

    assert lines[0] == (
        f"{ACME}: the entry or its seal was changed"
        f" (number 1, seq {entries[0].seq}, entry {entries[0].entry_id})"
    )
    assert lines[1].startswith(f"{OTHER}: the entry or its seal was changed (number 1,")
    assert lines[2].startswith("Verified 0 entries of 3 chains")
    assert "2 chains are broken" in lines[2]


def test_the_command_looks_at_one_chain_if_asked() -> None:
    tamper(
        "update accounts_auditentry set action = 'x' where organization_id = %s", ACME
    )

    assert len(verify("--organization", str(OTHER))) == 1
    assert len(verify("--no-organization")) == 1
    assert len(verify_what_is_broken("--organization", str(ACME))) == 2


def test_the_command_speaks_json(entries: list[AuditEntry]) -> None:
    change_entry(entries[1].seq, "action = 'x'")

    *verdicts, summary = map(json.loads, verify_what_is_broken("--json"))

    (broken,) = [verdict for verdict in verdicts if verdict["finding"]]
    assert (broken["finding"]["number"], broken["finding"]["seq"]) == (
        2,
        entries[1].seq,
    )
    assert summary == {
        "chains": 3,
        "broken": 1,
        "sealed": 6,
        "unsealed": 0,
        "anchors": 0,
    }


@pytest.mark.parametrize("text", ["yesterday", "2028-02-29T12:00:00"])
def test_the_command_refuses_a_time_that_is_none(text: str) -> None:
    with pytest.raises(CommandError):
        verify("--since", text)
