"""What keeps notifications from doing their work."""


class RecipientUnknown(LookupError):
    """Nobody has told yet where this user gets mail; the event is to come again."""
