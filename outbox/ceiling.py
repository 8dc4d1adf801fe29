"""Refuses new events while too many wait, if a deployment wants that."""

import logging
import random
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import ClassVar

from django.conf import settings
from django.db import connection
from django.utils import timezone

from opencore.errors import DomainError, Retryable
from opencore.tenancy import unconfined
from outbox.status import oldest_waiting

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
RETRY_AFTER = (30, 60)


class OutboxBacklog(DomainError):
    """Too many events wait to be told to the rest of the system; try again later."""

    code: ClassVar[str] = "outbox_backlog"
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    retryable: ClassVar[Retryable] = "yes"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(random.randint(*RETRY_AFTER))})  # noqa: S311 -- not a secret


class _Ceiling:
    """Whether the backlog is above the ceiling, looked up once a second a process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._above = False
        self._known_until = float("-inf")

    def is_exceeded(self) -> bool:
        with self._lock:
            if monotonic() >= self._known_until:
                with unconfined():
                    self._above = self._look()
                self._known_until = monotonic() + LOOK_EVERY
            return self._above

    def forget(self) -> None:
        self._known_until = float("-inf")

    def _look(self) -> bool:
        above = _too_many() or _too_old()
        if above and not self._above:
            log.error("backlog above its ceiling; new events are refused")
        elif self._above and not above:
            log.info("backlog below its ceiling again")
        return above


ceiling = _Ceiling()


def refuse_above_ceiling() -> None:
    """Raise OutboxBacklog while more events wait, or longer, than the settings allow."""
    if not (settings.OUTBOX_BACKLOG_CEILING or settings.OUTBOX_BACKLOG_AGE):
        return
    if ceiling.is_exceeded():
        raise OutboxBacklog


def _too_many() -> bool:
    most = settings.OUTBOX_BACKLOG_CEILING
    if not most:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from (select from outbox_event limit %s) as counted",
            [most + 1],
        )
        (waiting,) = cursor.fetchone()
    return bool(waiting > most)


def _too_old() -> bool:
    longest = settings.OUTBOX_BACKLOG_AGE
    oldest = oldest_waiting() if longest else None
    if oldest is None:
        return False
    return (timezone.now() - oldest).total_seconds() > longest
