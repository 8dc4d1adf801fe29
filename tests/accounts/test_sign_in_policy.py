"""Organizations that demand two factors, or fresh proofs, let in who gave them."""

from datetime import timedelta

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


def proved(user: User, ago: timedelta | None) -> Api:
    return Api(user.id, proved_at=None if ago is None else timezone.now() - ago)


@pytest.fixture
def wary(acme: Organization) -> Organization:
    """Acme, which wants to know every eight hours who somebody is."""
    acme.settings = {"session_max_age": 8}
    acme.save()
    return acme


@pytest.mark.parametrize("ago", [timedelta(hours=8, seconds=1), None], ids=str)
def test_who_proved_it_too_long_ago_is_asked_to_step_up(
    ada: User, wary: Organization, ago: timedelta | None
) -> None:
    for path in (f"/v1/orgs/{wary.id}", members(wary)):
        assert_problem(proved(ada, ago).get(path), 403, "step_up_required")


def test_who_proved_it_within_those_hours_is_let_in(
    ada: User, wary: Organization
) -> None:
    ago = timedelta(hours=7, minutes=59)

    assert proved(ada, ago).get(members(wary)).status_code == 200


def test_without_such_a_setting_an_old_proof_is_enough(
    ada: User, acme: Organization
) -> None:
    assert proved(ada, timedelta(days=30)).get(members(acme)).status_code == 200
