"""Marks what this deployment wrote of its route table, so that nothing else is believed.

A route table says where access tokens are sent. The folder for temporary files is
everybody's, and Redis is spoken to by many; the deployment's secret is not.
"""

from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "opencore.gateway.table"


def seal_of(version: int, changes: str) -> str:
    """Return the seal of a version and its changes, as they are written."""
    return salted_hmac(SALT, f"{version} {changes}", algorithm="sha256").hexdigest()


def is_sealed(version: int, changes: str, seal: str) -> bool:
    """Tell whether this deployment wrote the version with these changes."""
    return constant_time_compare(seal, seal_of(version, changes))
