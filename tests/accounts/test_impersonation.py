"""Staff act as people: with a reason, for minutes, on record, and told to them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as configured
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import AuditEntry, Impersonation, Organization, Session, User
from accounts.services import (
    change_role,
    deactivate_user,
    end_sessions,
    find_or_create_user,
)
from opencore.claims import AccessClaims
from opencore.events.user.v1 import (
    ImpersonationEnded,
    ImpersonationStarted,
    SessionRevoked,
)
from opencore.revocations import Revocations
from opencore.tokens import read_access
from tests.accounts.browser import browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import give
from tests.accounts.proved import Fresh, Proved
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

PLACE = "/v1/ops/impersonations"
ME = "/v1/users/me"
WHY = "Ticket 7: the invoice does not open."
Commit = Callable[..., AbstractContextManager[object]]


def staff_of(role: User.Role) -> User:
    """Return somebody of the staff."""
    user = find_or_create_user(email=f"{uuid4().hex}@example.com", actor_id=None)
    change_role(user_id=user.id, role=role, actor_id=None, now=timezone.now())
    user.refresh_from_db()
    return user


@pytest.fixture
def joan() -> User:
    """An operator."""
    return staff_of(User.Role.OPERATOR)


@pytest.fixture
def sam() -> User:
    """Somebody of the support."""
    return staff_of(User.Role.SUPPORT)


def api_of(user: User, **proof: Any) -> Proved:
    """Return what somebody asks who proved lately who they are, or as told."""
    return Proved(user.id, role=user.role, proof=Fresh(**proof))


def start(staff: User, person: User, **body: object) -> HttpResponseBase:
    """Let staff act as a person; return the answer."""
    asked = {"user_id": str(person.id), "reason": WHY, **body}
    return api_of(staff).post(PLACE, asked)


def token_of(response: HttpResponseBase) -> str:
    """Return the token that staff was given."""
    assert response.status_code == HTTPStatus.CREATED
    token: str = body_of(response)["access_token"]
    return token


def ask(token: str, method: str, path: str, body: object = None) -> HttpResponseBase:
    """Ask with a token."""
    return Client().generic(
        method,
        path,
        "" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "If-Match": "*"},
    )


def is_refused(claims: AccessClaims) -> bool:
    """Tell whether a gateway would refuse the token of these claims."""
    heard = Revocations(configured.REDIS_URL)
    heard.refresh()
    heard.close()
    return heard.include(claims)


def test_an_operator_acts_as_a_person(
    joan: User, ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = start(joan, ada)

    answer, acting = body_of(response), Impersonation.objects.get()
    assert response["Cache-Control"] == "no-store"
    assert (answer["user_id"], answer["impersonator_id"]) == (str(ada.id), str(joan.id))
    assert (answer["reason"], answer["read_only"]) == (WHY, True)
    assert (answer["ended_at"], answer["expires_in"]) == (None, 600)
    assert "refresh_token" not in answer
    assert body_of(ask(answer["access_token"], "GET", ME))["id"] == str(ada.id)
    assert emitted() == [
        ImpersonationStarted(
            user_id=ada.id,
            impersonation_id=acting.id,
            impersonator_id=joan.id,
            reason=WHY,
            read_only=True,
            expires_at=acting.expires_at,
        )
    ]
    expires_at = acting.expires_at.isoformat()
    assert recorded() == [
        (
            "impersonation.started",
            joan.id,
            acting.id,
            None,
            {"read_only": "true", "expires_at": expires_at},
        )
    ]
    entry = AuditEntry.objects.get(action="impersonation.started")
    assert (entry.actor_kind, entry.on_behalf_of) == ("staff", ada.id)
    assert entry.justification == WHY


def test_the_token_says_who_acts_and_for_how_long(joan: User, ada: User) -> None:
    claims = read_access(token_of(start(joan, ada)))

    session = Session.objects.get(id=claims.session_id)
    assert (claims.user_id, claims.role) == (ada.id, "user")
    assert (claims.impersonator_id, claims.read_only) == (joan.id, True)
    assert claims.authenticated_at is None
    assert claims.expires_at - claims.issued_at == timedelta(minutes=10)
    assert session.expires_at - session.created_at == timedelta(minutes=10)


def test_it_never_lasts_longer_than_a_quarter_of_an_hour(
    joan: User, ada: User, settings: Settings
) -> None:
    settings.ACCESS_TOKEN_LIFETIME = timedelta(hours=8)

    assert body_of(start(joan, ada))["expires_in"] == 15 * 60


def test_who_only_looks_changes_nothing(joan: User, ada: User) -> None:
    token = token_of(start(joan, ada))

    refused = ask(token, "PATCH", ME, {"name": "Eve"})

    assert_problem(refused, 403, "read_only_session")
    ada.refresh_from_db()
    assert ada.name == ""


def test_what_an_operator_changes_is_recorded_as_theirs(
    joan: User, ada: User, acme: Organization
) -> None:
    give(acme, ada, "admin")
    token = token_of(start(joan, ada, read_only=False))

    assert ask(token, "PATCH", ME, {"name": "Ada"}).status_code == 200
    renamed = ask(token, "PATCH", f"/v1/orgs/{acme.id}", {"name": "ACME"})

    assert renamed.status_code == 200
    for action in ("user.updated", "organization.updated"):
        entry = AuditEntry.objects.get(action=action)
        assert (entry.actor_kind, entry.actor_id) == ("staff", joan.id)
        assert entry.on_behalf_of == ada.id
        assert entry.session_id == read_access(token).session_id
    (shown, *_) = body_of(ask(token, "GET", f"/v1/orgs/{acme.id}/audit-events"))["data"]
    assert (shown["action"], shown["actor_kind"]) == ("organization.updated", "staff")
    assert shown["on_behalf_of"] == str(ada.id)


def test_support_looks_and_changes_nothing(sam: User, ada: User) -> None:
    assert read_access(token_of(start(sam, ada))).read_only

    assert_problem(start(sam, ada, read_only=False), 403, "forbidden")
    assert Impersonation.objects.count() == 1


@pytest.mark.parametrize(
    ("role", "is_active"),
    [("operator", True), ("support", True), ("user", False)],
    ids=["operator", "support", "deactivated"],
)
def test_nobody_acts_as_staff_or_as_who_may_not_act(
    joan: User, ada: User, role: str, is_active: bool
) -> None:
    User.objects.filter(id=ada.id).update(role=role, is_active=is_active)

    assert_problem(start(joan, ada), 403, "not_to_be_impersonated")


def test_nobody_acts_as_themselves(joan: User) -> None:
    assert_problem(start(joan, joan), 403, "not_to_be_impersonated")


def test_nobody_acts_as_nobody(joan: User) -> None:
    asked = {"user_id": str(uuid4()), "reason": WHY}

    assert_problem(api_of(joan).post(PLACE, asked), 404, "not_found")


def test_who_was_of_the_staff_acts_as_nobody(joan: User, ada: User) -> None:
    api = api_of(joan)
    User.objects.filter(id=joan.id).update(
        role="user", is_staff=False, is_superuser=False
    )

    refused = api.post(PLACE, {"user_id": str(ada.id), "reason": WHY})

    assert_problem(refused, 403, "forbidden")
    assert Session.objects.count() == 0


def test_it_needs_a_fresh_proof(joan: User, ada: User) -> None:
    old = api_of(joan, authenticated_at=timezone.now() - timedelta(minutes=11))

    refused = old.post(PLACE, {"user_id": str(ada.id), "reason": WHY})

    assert_problem(refused, 403, "step_up_required")


@pytest.mark.parametrize("reason", ["", "  ", None, 7, "x" * 501])
def test_it_needs_a_reason(joan: User, ada: User, reason: object) -> None:
    refused = start(joan, ada, reason=reason)

    assert_problem(refused, 400, "validation_error", "/reason")
    assert Impersonation.objects.count() == 0


def test_people_see_it_among_their_sessions_and_end_it(
    joan: User, ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    laptop = browser_of(ada)
    token = token_of(start(joan, ada))
    session_id = read_access(token).session_id
    (shown, own) = body_of(laptop.get(f"{ME}/sessions"))["data"]
    assert (shown["id"], shown["impersonated"]) == (str(session_id), True)
    assert own["impersonated"] is False

    laptop.ask("DELETE", f"{ME}/sessions/{session_id}")

    acting = Impersonation.objects.get()
    assert acting.ended_at is not None
    assert emitted()[-2:] == [
        SessionRevoked(user_id=ada.id, session_id=session_id, reason="user"),
        ImpersonationEnded(
            user_id=ada.id,
            impersonation_id=acting.id,
            impersonator_id=joan.id,
            ended_at=acting.ended_at,
        ),
    ]
    assert recorded()[-2:] == [
        ("session.revoked", ada.id, session_id, None, {"reason": "user"}),
        ("impersonation.ended", ada.id, acting.id, None, {}),
    ]


def test_staff_ends_it_at_once(
    joan: User,
    ada: User,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    answer = body_of(start(joan, ada))
    claims = read_access(answer["access_token"])
    assert not is_refused(claims)

    with django_capture_on_commit_callbacks(execute=True):
        ended = api_of(joan).delete(f"{PLACE}/{answer['id']}")
        again = api_of(joan).delete(f"{PLACE}/{answer['id']}")

    assert (ended.status_code, again.status_code) == (204, 204)
    assert is_refused(claims)
    session = Session.objects.get(id=claims.session_id)
    assert session.revoke_reason == "impersonation_ended"
    entry = AuditEntry.objects.get(action="impersonation.ended")
    assert (entry.actor_kind, entry.actor_id) == ("staff", joan.id)
    assert entry.on_behalf_of == ada.id


def test_support_ends_its_own_alone(joan: User, sam: User, ada: User) -> None:
    answer = body_of(start(joan, ada))

    refused = api_of(sam).delete(f"{PLACE}/{answer['id']}")

    assert_problem(refused, 404, "not_found")
    assert Impersonation.objects.get().ended_at is None


def by_a_new_role(staff: UUID) -> None:
    change_role(user_id=staff, role=User.Role.USER, actor_id=None, now=timezone.now())


def by_deactivation(staff: UUID) -> None:
    deactivate_user(user_id=staff, actor_id=None, now=timezone.now())


def by_signing_out_everywhere(staff: UUID) -> None:
    end_sessions(
        user_id=staff,
        reason=Session.RevokeReason.USER,
        actor_id=staff,
        now=timezone.now(),
    )


@pytest.mark.parametrize(
    "go", [by_a_new_role, by_deactivation, by_signing_out_everywhere]
)
def test_it_ends_with_the_sessions_of_who_acts(
    joan: User, ada: User, go: Callable[[UUID], None]
) -> None:
    laptop = browser_of(ada)
    claims = read_access(token_of(start(joan, ada)))

    go(joan.id)

    assert Session.objects.get(id=claims.session_id).revoked_at is not None
    assert Impersonation.objects.get().ended_at is not None
    assert laptop.session.revoked_at is None


def test_operators_see_who_acted_as_whom(joan: User, sam: User, ada: User) -> None:
    mallory = find_or_create_user(email="mallory@example.com", actor_id=None)
    start(joan, ada)
    start(sam, mallory)

    all_, of_ada = (
        body_of(api_of(joan).get(f"{PLACE}{query}"))["data"]
        for query in ("", f"?user_id={ada.id}")
    )
    own = body_of(api_of(sam).get(PLACE))["data"]

    assert [each["user_id"] for each in all_] == [str(mallory.id), str(ada.id)]
    assert [each["impersonator_id"] for each in of_ada] == [str(joan.id)]
    assert [each["impersonator_id"] for each in own] == [str(sam.id)]
    assert "access_token" not in all_[0]
