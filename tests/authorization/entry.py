"""What an operation asks of who calls it: one entry for each, none without."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from accounts.roles import Permission

# Beside a permission in the organization of the path: anybody without a token, any
# person for what is theirs, who runs the deployment, or these and support.
Needs = Permission | Literal["anybody", "person", "operator", "staff"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An operation of the API, by its operationId, and whom it lets through.

    The body and the path's other values are such that who may is not refused for them:
    what a path names, and what stands in braces in a body ("{member}"), is one of the
    things that tests/authorization/things.py makes.
    """

    operation: str
    needs: Needs
    body: Mapping[str, Any] | None = None
    # The things that the path names besides the organization.
    path: Mapping[str, str] = field(default_factory=dict)
    # A proof of who somebody is must not be older than ten minutes.
    step_up: bool = False
    # An API key with the permission among its scopes is let through.
    keys: bool = False
    # The change must name the version that it is meant for.
    if_match: bool = False

    def with_body(self, body: Mapping[str, Any]) -> "Entry":
        """Return the same with another body."""
        return replace(self, body=body)
