"""Locks an address that somebody guesses codes of, over all its challenges.

A guess counts as wrong before its code is looked at, and is forgiven if it was right, so
that many at once get no guess more. All is the same whether a user has the address or
nobody, and but for `begin_guess` and `settle_guess` called with the address held.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.errors import SignInLocked
from accounts.models import AddressLock, AuditEntry, Challenge, User
from accounts.selectors.locks import LOOKUP, lock_of
from accounts.services.auditing import record
from accounts.services.limiting import back_at, hold_address
from opencore.events.user.v1 import AccountLocked
from opencore.hashing import lookup_hash
from opencore.ids import uuid7
from outbox.publishing import emit

log = logging.getLogger(__name__)

MOST_FAILURES = 10
WINDOW = timedelta(hours=1)
FIRST_LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
# Without a lock for so long, the next one is short again.
FORGIVEN_AFTER = timedelta(hours=24)


def refuse_locked(*, email: str, now: datetime) -> None:
    """Raise SignInLocked while the address is locked."""
    _refuse(lock_of(email=email), now)


def begin_guess(*, email: str, now: datetime) -> None:
    """Count a guess as wrong, for good; raises SignInLocked if no more may be made."""
    with transaction.atomic(durable=True):
        hold_address(email)
        count_guess(email=email, now=now)


def settle_guess(*, email: str, right: bool, now: datetime) -> None:
    """Forgive a guess that was right, or lock the address if it was one too many."""
    with transaction.atomic(durable=True):
        hold_address(email)
        if right:
            forgive_guess(email=email)
        else:
            lock_if_guessed(email=email, now=now)


def count_guess(*, email: str, now: datetime) -> None:
    """Count a guess as wrong; raises SignInLocked if no more may be made."""
    lock = _lock_for(email, now)
    _refuse(lock, now)
    if lock.counted_since <= now - WINDOW:
        lock.failures, lock.counted_since = 0, now
    if lock.failures >= MOST_FAILURES:
        # Who made the last guess is just about to lock the address.
        raise SignInLocked(headers=back_at(lock.counted_since + WINDOW, now))
    lock.failures += 1
    lock.save(update_fields=["failures", "counted_since"])


def forgive_guess(*, email: str) -> None:
    """Take back that a guess counted as wrong."""
    lock = lock_of(email=email)
    if lock is not None and lock.failures:
        lock.failures -= 1
        lock.save(update_fields=["failures"])


def lock_if_guessed(*, email: str, now: datetime) -> None:
    """Lock the address if its last guess was made; each lock in a row is twice as long.

    Its codes are good for nothing from now on; whoever is signed in stays so.
    """
    lock = lock_of(email=email)
    if lock is None or lock.failures < MOST_FAILURES:
        return
    if lock.locked_until is None or lock.locked_until <= now - FORGIVEN_AFTER:
        lock.locks = 0
    until = now + lock_time(lock.locks)
    lock.failures, lock.counted_since, lock.locked_until = 0, until, until
    lock.locks += 1
    lock.save(update_fields=["failures", "counted_since", "locked_until", "locks"])
    _withdraw_codes(email, now)
    _tell_of_lock(email, until)


@transaction.atomic
def lock_sign_in(
    *, user_id: UUID, until: datetime, actor_id: UUID | None, now: datetime
) -> None:
    """Let a person's address get no codes until then; where they are in they stay so."""
    email = User.objects.values_list("email", flat=True).get(id=user_id)
    hold_address(email)
    lock = _lock_for(email, now)
    lock.failures, lock.counted_since, lock.locked_until = 0, until, until
    lock.save(update_fields=["failures", "counted_since", "locked_until"])
    _withdraw_codes(email, now)
    record(
        AuditEntry.Action.SIGN_IN_LOCKED,
        target_id=user_id,
        actor_id=actor_id,
        until=until.isoformat(),
    )


@transaction.atomic
def unlock_sign_in(*, user_id: UUID, actor_id: UUID | None) -> None:
    """Let a person's address get codes again, as if nobody had guessed any."""
    email = User.objects.values_list("email", flat=True).get(id=user_id)
    hold_address(email)
    lock = lock_of(email=email)
    if lock is None:
        return
    lock.delete()
    record(AuditEntry.Action.SIGN_IN_UNLOCKED, target_id=user_id, actor_id=actor_id)


def lock_time(locks: int) -> timedelta:
    """Return how long an address is locked that was locked so often in a row."""
    return min(FIRST_LOCK * (1 << min(locks, 16)), LONGEST_LOCK)


def delete_stale_locks(*, now: datetime) -> int:
    """Forget addresses that nobody guessed codes of for long; return how many."""
    old = AddressLock.objects.filter(counted_since__lt=now - FORGIVEN_AFTER)
    deleted, _ = old.delete()
    return deleted


def _refuse(lock: AddressLock | None, now: datetime) -> None:
    if lock is not None and lock.locked_until is not None and lock.locked_until > now:
        raise SignInLocked(headers=back_at(lock.locked_until, now))


def _tell_of_lock(email: str, until: datetime) -> None:
    user_id = User.objects.with_address(email).values_list("id", flat=True).first()
    target_id = user_id or uuid7()
    with transaction.atomic():
        record(
            AuditEntry.Action.SIGN_IN_LOCKED,
            target_id=target_id,
            actor_id=None,
            until=until.isoformat(),
        )
        emit(AccountLocked(user_id=target_id, locked_until=until))
        # For an address of nobody the same work is done, of which nothing stays.
        transaction.set_rollback(user_id is None)
    log.info("address locked", extra={"locked_until": until.isoformat()})


def _lock_for(email: str, now: datetime) -> AddressLock:
    return lock_of(email=email) or AddressLock.objects.create(
        address=lookup_hash(email.lower(), purpose=LOOKUP), counted_since=now
    )


def _withdraw_codes(email: str, now: datetime) -> None:
    challenges = Challenge.objects.to_address(email, *Challenge.Purpose)
    challenges.live().update(superseded_at=now)
