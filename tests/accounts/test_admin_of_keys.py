"""Operators see keys without what is secret of them, and end those that leaked."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import AuditEntry, Organization, User
from opencore.events.org.v1 import ApiKeyRevoked
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.programs import Program, at, key_for, robot_of, stored
from tests.api import assert_problem

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/apikey/"


def revoke(client: Client, key_id: UUID, reason: str) -> Any:  # noqa: ANN401 -- the test client's answer
    """Decide that a key is good for nothing any more; return the page that follows."""
    return client.post(
        f"{PAGE}{key_id}/decide/revoke/", {"reason": reason}, follow=True
    )


def test_a_key_is_found_by_its_prefix_and_shown_without_its_secret(
    client: Client, operator: User, grace: User, acme: Organization
) -> None:
    made, other = (key_for(acme, grace, robot_of(acme, grace, name=n)) for n in "ab")

    listed = client.get(PAGE, {"q": made.key.prefix}).content.decode()
    shown = client.get(f"{PAGE}{made.key.id}/change/").content.decode()
    program = client.get("/admin/accounts/serviceaccount/").content.decode()

    assert made.key.prefix in listed
    assert other.key.prefix not in listed
    assert "secret" not in shown.lower().replace("secretary", "")
    assert bytes(stored(made.key.id).secret_hmac).hex() not in shown
    assert "Acme" in program


def test_a_key_that_leaked_is_revoked(
    client: Client,
    operator: User,
    grace: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    made, other = key_for(acme, grace), key_for(acme, grace)

    unsaid = revoke(client, made.key.id, "")
    done = revoke(client, made.key.id, "It was in a public file.")
    again = revoke(client, made.key.id, "It was in a public file.")

    assert b"This field is required" in unsaid.content
    assert b"It is revoked." in done.content
    assert again.status_code == 404
    assert_problem(Program(made.text).get(at(acme)), 401, "api_key_invalid")
    assert Program(other.text).get(at(acme)).status_code == 200
    (told,) = [each for each in emitted() if isinstance(each, ApiKeyRevoked)]
    assert (told.key_id, told.reason, told.by) == (made.key.id, "operator", operator.id)
    revoked = [each for each in recorded() if each[0] == "api_key.revoked"]
    assert [(actor, key) for _, actor, key, *_ in revoked] == [
        (operator.id, made.key.id)
    ]
    entry = AuditEntry.objects.get(action="api_key.revoked")
    assert (entry.actor_kind, entry.justification) == (
        "staff",
        "It was in a public file.",
    )


def test_who_may_only_look_at_keys_is_offered_no_revocation(
    client: Client, operator: User, grace: User, acme: Organization
) -> None:
    made = key_for(acme, grace)
    User.objects.filter(id=operator.id).update(is_superuser=False)

    refused = revoke(client, made.key.id, "It was in a public file.")

    assert refused.status_code == 403
    assert stored(made.key.id).revoked_at is None
