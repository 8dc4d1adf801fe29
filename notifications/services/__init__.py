"""What notifications do: tell people, send their mail, note what was read."""

from notifications.services.forgetting import forget_again, forget_person
from notifications.services.reading import mark_read
from notifications.services.sending import send_again, send_next_mail
from notifications.services.telling import (
    announce_acceptance,
    announce_expiry,
    confirm_payment,
    follow_to_address,
    send_code,
    send_invitation,
    tell_of_data_request,
    tell_of_factor,
    tell_of_impersonation,
    tell_of_ownership,
    warn_of_copied_token,
    warn_of_lock,
    welcome,
)

__all__ = (
    "announce_acceptance",
    "announce_expiry",
    "confirm_payment",
    "follow_to_address",
    "forget_again",
    "forget_person",
    "mark_read",
    "send_again",
    "send_code",
    "send_invitation",
    "send_next_mail",
    "tell_of_data_request",
    "tell_of_factor",
    "tell_of_impersonation",
    "tell_of_ownership",
    "warn_of_copied_token",
    "warn_of_lock",
    "welcome",
)
