"""Addresses that get no codes for a while."""

from datetime import datetime

from accounts.models import AddressLock
from opencore.hashing import lookup_hashes

LOOKUP = "address lock"


def lock_of(*, email: str) -> AddressLock | None:
    """Return what is counted of an address, whether a user has it or nobody."""
    hashes = lookup_hashes(email.lower(), purpose=LOOKUP)
    return AddressLock.objects.filter(address__in=hashes).first()


def locked_until(*, email: str, now: datetime) -> datetime | None:
    """Return until when an address gets no codes; None if it gets them."""
    lock = lock_of(email=email)
    if lock is None or lock.locked_until is None or lock.locked_until <= now:
        return None
    return lock.locked_until
