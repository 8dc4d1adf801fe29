"""Where operators see people and organizations; every write is a service's."""

from accounts.admin import (
    auditing,
    exports,
    impersonating,
    keys,
    organizations,
    people,
    sessions,
    signing_in,
)

__all__ = (
    "auditing",
    "exports",
    "impersonating",
    "keys",
    "organizations",
    "people",
    "sessions",
    "signing_in",
)
