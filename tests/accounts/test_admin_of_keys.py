"""Operators see keys without what is secret of them, and end those that leaked."""

import pytest
from django.test import Client

from accounts.models import Organization, User
from opencore.events.org.v1 import ApiKeyRevoked
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.programs import Program, at, key_for, robot_of, stored
from tests.api import assert_problem

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/apikey/"


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

    for _ in range(2):
        page = client.post(
            PAGE,
            {"action": "revoke", "_selected_action": [str(made.key.id)]},
            follow=True,
        )

    assert "Revoked 0 keys." in page.content.decode()
    assert_problem(Program(made.text).get(at(acme)), 401, "api_key_invalid")
    assert Program(other.text).get(at(acme)).status_code == 200
    (told,) = [each for each in emitted() if isinstance(each, ApiKeyRevoked)]
    assert (told.key_id, told.reason, told.by) == (made.key.id, "operator", operator.id)
    revoked = [each for each in recorded() if each[0] == "api_key.revoked"]
    assert [(actor, key) for _, actor, key, *_ in revoked] == [
        (operator.id, made.key.id)
    ]


def test_who_may_only_look_at_keys_is_offered_no_revocation(
    client: Client, operator: User, grace: User, acme: Organization
) -> None:
    made = key_for(acme, grace)
    User.objects.filter(id=operator.id).update(is_superuser=False)

    client.post(PAGE, {"action": "revoke", "_selected_action": [str(made.key.id)]})

    assert stored(made.key.id).revoked_at is None
