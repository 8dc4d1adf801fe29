"""Looks for what would hurt the outbox tomorrow, and says what mends it."""

from outbox.doctor.examining import examine
from outbox.doctor.finding import Finding

__all__ = ("Finding", "examine")
