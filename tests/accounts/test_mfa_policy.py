"""Organizations that demand two factors let nobody in who proved one."""

import pytest
from django.utils import timezone

from accounts.models import Organization, User
from tests.accounts.memberships import members
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict(acme: Organization) -> Organization:
    """Acme, which demands two factors."""
    acme.settings = {"mfa_required": True}
    acme.save()
    return acme


def by(user: User, assurance: int) -> Api:
    return Api(user.id, proved_at=timezone.now(), assurance=assurance)


def test_who_proved_one_factor_is_kept_out(ada: User, strict: Organization) -> None:
    for path in (f"/v1/orgs/{strict.id}", members(strict)):
        assert_problem(by(ada, 1).get(path), 403, "mfa_required")
    assert_problem(
        by(ada, 1).post("/v1/auth/switch-org", {"organization_id": str(strict.id)}),
        403,
        "mfa_required",
    )


def test_who_proved_both_is_let_in(ada: User, strict: Organization) -> None:
    assert by(ada, 2).get(members(strict)).status_code == 200


def test_outsiders_are_not_told_what_it_demands(
    mallory: User, strict: Organization
) -> None:
    assert_problem(by(mallory, 1).get(members(strict)), 404, "not_found")


def test_it_is_still_listed_to_its_members(ada: User, strict: Organization) -> None:
    (listed,) = body_of(by(ada, 1).get("/v1/orgs"))["data"]

    assert listed["settings"]["mfa_required"] is True


def test_who_proved_one_factor_does_not_demand_two_of_others(
    grace: User, acme: Organization
) -> None:
    response = by(grace, 1).patch(
        f"/v1/orgs/{acme.id}", {"settings": {"mfa_required": True}}, If_Match="*"
    )

    assert_problem(response, 403, "mfa_required")
    assert Organization.objects.get().settings == {}
