"""Identifiers that sort by the time they were made."""

import secrets
import time
from uuid import UUID


def uuid7() -> UUID:
    """Return a new version 7 UUID (RFC 9562, section 5.7): 48 bits of ms, 74 random."""
    return UUID(int=_number())


def uuid7_text() -> str:
    """Return the text of a new version 7 UUID, which costs half as much as a UUID's."""
    text = f"{_number():032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _number() -> int:
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    high = milliseconds << 16 | 0x7000 | random >> 62
    low = 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return high << 64 | low
