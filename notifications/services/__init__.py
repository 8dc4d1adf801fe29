"""What notifications do: tell people, send their mail, note what was read."""

from notifications.services.reading import mark_read
from notifications.services.sending import send_again, send_next_mail
from notifications.services.telling import (
    announce_expiry,
    confirm_payment,
    send_code,
    warn_of_copied_token,
    warn_of_lock,
    welcome,
)

__all__ = (
    "announce_expiry",
    "confirm_payment",
    "mark_read",
    "send_again",
    "send_code",
    "send_next_mail",
    "warn_of_copied_token",
    "warn_of_lock",
    "welcome",
)
