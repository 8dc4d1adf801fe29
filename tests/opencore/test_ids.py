"""Identifiers that sort by the time they were made."""

import time
from uuid import RFC_4122, UUID

from opencore.ids import uuid7, uuid7_text


def milliseconds_of(found: UUID) -> int:
    return found.int >> 80


def test_the_text_of_a_fresh_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    text = uuid7_text()
    after = time.time_ns() // 1_000_000

    found = UUID(text)
    assert str(found) == text
    assert (found.version, found.variant) == (7, RFC_4122)
    assert before <= milliseconds_of(found) <= after


def test_no_two_ids_are_the_same() -> None:
    found = [str(uuid7()) for _ in range(1000)] + [uuid7_text() for _ in range(1000)]

    assert len(set(found)) == 2000
