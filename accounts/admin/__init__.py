"""Where operators see people and organizations; every write is a service's."""

from accounts.admin import auditing, organizations, people, sessions, signing_in

__all__ = ("auditing", "organizations", "people", "sessions", "signing_in")
