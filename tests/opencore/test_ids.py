"""Identifiers that sort by the time they were made."""

import time
from uuid import RFC_4122, UUID

import pytest

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


def test_ids_of_one_millisecond_sort_by_the_time_they_were_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = [1_764_000_000_000_000_000 + step for step in range(0, 1_000_000, 250)]
    clock = iter(moments)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))

    found = [uuid7() for _ in moments]

    assert found == sorted(found)
    assert {milliseconds_of(one) for one in found} == {1_764_000_000_000}
