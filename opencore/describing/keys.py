"""Says which operations let programs through, by an API key."""

from typing import Any

from opencore.authentication import FOR_PEOPLE

KEY_SCHEME = "apiKey"
# What a permission in an organization guards.
_IN_ORGANIZATIONS = "/v1/orgs/{organization_id}"


def say_where_keys_serve(paths: dict[str, Any]) -> None:
    """Name API keys at operations of organizations that aren't for people alone."""
    for path, methods in paths.items():
        for operation in methods.values():
            for_people = operation.pop(FOR_PEOPLE, False)
            if for_people or not path.startswith(_IN_ORGANIZATIONS):
                operation["security"] = [
                    each
                    for each in operation.get("security", [{}])
                    if KEY_SCHEME not in each
                ]
