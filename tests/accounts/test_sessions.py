"""Sessions: renewed by the newest refresh token alone, ended once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.errors import RefreshReused, SessionEnded
from accounts.models import Impersonation, Session, User
from accounts.services import (
    Tokens,
    change_role,
    deactivate_user,
    end_sessions,
    log_out,
    refresh_session,
)
from accounts.services.refreshing import GRACE
from accounts.services.sessions import BY_TWO_FACTORS, open_session
from opencore.events.user.v1 import SessionRevoked
from opencore.tokens import (
    TokenExpired,
    TokenInvalid,
    mint_refresh,
    read_access,
    read_refresh,
)
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.visitor import Visitor
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

REFRESH = "/v1/auth/refresh"
LOGOUT = "/v1/auth/logout"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def now() -> datetime:
    """The time of the sign-in; tokens are read by the real clock."""
    return timezone.now()


@pytest.fixture
def tokens(ada: User, now: datetime) -> Tokens:
    """What ada got at her sign-in."""
    return open_session(user=ada, ip=None, user_agent="", now=now)


def refresh(visitor: Visitor, token: str) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Refresh, and return what the answer says."""
    response = visitor.post(REFRESH, {"refresh_token": token})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    return body_of(response)


def let_pass(time: timedelta) -> None:
    """Let all sessions have been refreshed so much longer ago."""
    Session.objects.update(rotated_at=F("rotated_at") - time)


def test_a_refresh_gives_new_tokens_of_the_same_session(
    ada: User, tokens: Tokens, visitor: Visitor
) -> None:
    answer = refresh(visitor, tokens.refresh_token)

    session = Session.objects.get()
    access = read_access(answer.pop("access_token"))
    renewed = read_refresh(answer.pop("refresh_token"))
    assert (access.user_id, access.session_id, access.role) == (
        ada.id,
        session.id,
        "user",
    )
    assert (renewed.user_id, renewed.session_id, renewed.generation) == (
        ada.id,
        session.id,
        2,
    )
    assert answer == {"token_type": "Bearer", "expires_in": 600}
    assert session.generation == 2


def test_a_session_says_where_it_is_and_how_it_was_proved(
    ada: User, now: datetime
) -> None:
    open_session(user=ada, ip=None, user_agent=FIREFOX, now=now)

    session = Session.objects.get()
    assert (session.assurance, session.methods) == (1, ["otp"])
    assert (session.authenticated_at, session.last_seen_at) == (now, now)
    assert session.device_label == "Firefox on Linux"


@pytest.mark.parametrize("renewed", [False, True], ids=["opened", "renewed"])
def test_tokens_say_how_sure_it_is_who_bears_them(
    ada: User, now: datetime, renewed: bool
) -> None:
    opened = open_session(
        user=ada, ip=None, user_agent="", now=now, methods=BY_TWO_FACTORS
    )
    later = refresh_session(refresh_token=opened.refresh_token, now=now)

    claims = read_access((opened, later)[renewed].access_token)

    assert (claims.assurance, claims.methods) == (2, ("otp", "mfa"))
    assert claims.authenticated_at == now.replace(microsecond=0)


def test_a_proof_is_never_younger_than_the_token_that_tells_of_it(
    ada: User, tokens: Tokens, now: datetime
) -> None:
    Session.objects.update(authenticated_at=now + timedelta(seconds=5))

    renewed = refresh_session(refresh_token=tokens.refresh_token, now=now)

    claims = read_access(renewed.access_token)
    assert claims.authenticated_at == claims.issued_at


@pytest.mark.parametrize(
    ("impersonated", "read_only"),
    [(False, False), (True, True), (True, False)],
    ids=["own", "read only", "writing"],
)
def test_a_refresh_goes_on_to_say_who_acts_as_the_bearer(
    ada: User,
    grace: User,
    tokens: Tokens,
    now: datetime,
    impersonated: bool,
    read_only: bool,
) -> None:
    impersonator = grace if impersonated else None
    Session.objects.update(impersonator=impersonator)
    Impersonation.objects.create(
        session=Session.objects.get(),
        user=ada,
        impersonator=grace,
        reason="She asked for it.",
        read_only=read_only,
        started_at=now,
        expires_at=now + timedelta(minutes=15),
    )

    renewed = refresh_session(refresh_token=tokens.refresh_token, now=now)

    claims = read_access(renewed.access_token)
    acting = grace.id if impersonated else None
    assert (claims.impersonator_id, claims.read_only) == (acting, read_only)


def test_each_new_token_is_good_for_the_next_refresh(
    tokens: Tokens, visitor: Visitor
) -> None:
    second = refresh(visitor, tokens.refresh_token)["refresh_token"]

    third = refresh(visitor, second)["refresh_token"]

    assert read_refresh(third).generation == 3


def test_a_refresh_is_no_change_of_note(
    tokens: Tokens, visitor: Visitor, emitted: Emitted, recorded: Recorded
) -> None:
    refresh(visitor, tokens.refresh_token)

    assert (emitted(), recorded()) == ([], [])


def test_a_refresh_keeps_the_session_for_another_week(
    tokens: Tokens, now: datetime
) -> None:
    later = now + timedelta(days=6)

    refresh_session(refresh_token=tokens.refresh_token, now=later)

    session = Session.objects.get()
    assert session.last_seen_at == later
    assert session.idle_expires_at == later + timedelta(days=7)
    assert session.expires_at == now + timedelta(days=30)


def test_no_refresh_keeps_the_session_beyond_a_month(
    tokens: Tokens, now: datetime
) -> None:
    Session.objects.update(idle_expires_at=now + timedelta(days=30))

    refresh_session(
        refresh_token=tokens.refresh_token, now=now + timedelta(days=30, seconds=-1)
    )

    assert Session.objects.get().idle_expires_at == now + timedelta(days=30)


def test_a_session_that_idled_a_week_is_over(tokens: Tokens, now: datetime) -> None:
    with pytest.raises(TokenExpired):
        refresh_session(refresh_token=tokens.refresh_token, now=now + timedelta(days=7))

    session = Session.objects.get()
    assert (session.generation, session.revoked_at) == (1, None)


def test_an_expired_token_is_refused(ada: User, visitor: Visitor) -> None:
    signed_in = open_session(
        user=ada, ip=None, user_agent="", now=datetime(2020, 2, 29, tzinfo=UTC)
    )

    response = visitor.post(REFRESH, {"refresh_token": signed_in.refresh_token})

    assert_problem(response, 401, "token_expired")
    assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_used_again_ends_the_session(
    ada: User, tokens: Tokens, now: datetime, emitted: Emitted, recorded: Recorded
) -> None:
    newest = refresh_session(refresh_token=tokens.refresh_token, now=now).refresh_token
    let_pass(GRACE)

    with pytest.raises(RefreshReused):
        refresh_session(refresh_token=tokens.refresh_token, now=now)

    session = Session.objects.get()
    assert (session.revoked_at, session.revoke_reason) == (now, "refresh_reused")
    assert emitted() == [
        SessionRevoked(user_id=ada.id, session_id=session.id, reason="refresh_reused")
    ]
    assert recorded() == [
        ("session.revoked", None, session.id, None, {"reason": "refresh_reused"})
    ]
    with pytest.raises(SessionEnded):
        refresh_session(refresh_token=newest, now=now)


def test_a_token_used_again_at_once_gets_the_newest_tokens_and_renews_nothing(
    ada: User, tokens: Tokens, now: datetime, emitted: Emitted, recorded: Recorded
) -> None:
    refresh_session(refresh_token=tokens.refresh_token, now=now)
    # Nearly ten seconds ago, however slow this machine is.
    let_pass(timedelta(seconds=2))

    again = refresh_session(refresh_token=tokens.refresh_token, now=now)

    session = Session.objects.get()
    assert (session.generation, session.revoked_at) == (2, None)
    assert read_refresh(again.refresh_token).generation == 2
    assert read_access(again.access_token).user_id == ada.id
    assert (emitted(), recorded()) == ([], [])
    refresh_session(refresh_token=again.refresh_token, now=now)


def test_the_grace_is_measured_by_the_databases_clock_alone(
    tokens: Tokens, now: datetime
) -> None:
    refresh_session(refresh_token=tokens.refresh_token, now=now)
    let_pass(GRACE)

    with pytest.raises(RefreshReused):
        refresh_session(
            refresh_token=tokens.refresh_token, now=now - timedelta(minutes=1)
        )


def test_nobody_who_was_deactivated_is_graced(
    ada: User, tokens: Tokens, now: datetime
) -> None:
    refresh_session(refresh_token=tokens.refresh_token, now=now)
    deactivate_user(user_id=ada.id, actor_id=None, now=now)

    with pytest.raises(SessionEnded):
        refresh_session(refresh_token=tokens.refresh_token, now=now)


def test_the_last_token_but_one_ends_the_session_even_at_once(
    tokens: Tokens, now: datetime
) -> None:
    second = refresh_session(refresh_token=tokens.refresh_token, now=now).refresh_token
    refresh_session(refresh_token=second, now=now)

    with pytest.raises(RefreshReused):
        refresh_session(refresh_token=tokens.refresh_token, now=now)

    assert Session.objects.get().revoke_reason == "refresh_reused"


def test_reuse_is_said_over_http(tokens: Tokens, visitor: Visitor) -> None:
    refresh(visitor, tokens.refresh_token)
    let_pass(GRACE)

    response = visitor.post(REFRESH, {"refresh_token": tokens.refresh_token})

    assert_problem(response, 401, "refresh_reused")
    assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert Session.objects.get().revoke_reason == "refresh_reused"


def test_logging_out_ends_the_session(
    ada: User, tokens: Tokens, visitor: Visitor, emitted: Emitted, recorded: Recorded
) -> None:
    response = visitor.post(LOGOUT, {"refresh_token": tokens.refresh_token})

    session = Session.objects.get()
    assert (response.status_code, response.getvalue()) == (204, b"")
    assert session.revoke_reason == "logout"
    assert emitted() == [
        SessionRevoked(user_id=ada.id, session_id=session.id, reason="logout")
    ]
    assert recorded() == [
        ("session.revoked", ada.id, session.id, None, {"reason": "logout"})
    ]
    refused = visitor.post(REFRESH, {"refresh_token": tokens.refresh_token})
    assert_problem(refused, 401, "session_revoked")


def test_logging_out_twice_is_once(
    tokens: Tokens, visitor: Visitor, emitted: Emitted
) -> None:
    visitor.post(LOGOUT, {"refresh_token": tokens.refresh_token})

    response = visitor.post(LOGOUT, {"refresh_token": tokens.refresh_token})

    assert response.status_code == 204
    assert len(emitted()) == 1


def test_logging_out_leaves_the_other_sessions_alone(
    ada: User, tokens: Tokens, now: datetime
) -> None:
    phone = open_session(user=ada, ip=None, user_agent="Phone/1", now=now)

    log_out(refresh_token=tokens.refresh_token, now=now)

    assert Session.objects.get(revoked_at=None).user_agent == "Phone/1"
    refresh_session(refresh_token=phone.refresh_token, now=now)


def test_logging_out_with_an_expired_token_is_no_error(
    ada: User, visitor: Visitor
) -> None:
    signed_in = open_session(
        user=ada, ip=None, user_agent="", now=datetime(2020, 2, 29, tzinfo=UTC)
    )

    response = visitor.post(LOGOUT, {"refresh_token": signed_in.refresh_token})

    assert response.status_code == 204


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
def test_refuses_an_access_token_in_the_refresh_tokens_place(
    tokens: Tokens, visitor: Visitor, path: str
) -> None:
    response = visitor.post(path, {"refresh_token": tokens.access_token})

    assert_problem(response, 401, "token_invalid")
    session = Session.objects.get()
    assert (session.generation, session.revoked_at) == (1, None)


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/refresh_token"]),
        ({"refresh_token": 7}, ["/refresh_token"]),
        ({"refresh_token": "x" * 4097}, ["/refresh_token"]),
        ({"refresh_token": "x", "user": "ada"}, ["/user"]),
    ],
    ids=["missing", "number", "too long", "unknown field"],
)
def test_refuses_a_malformed_request(
    visitor: Visitor, path: str, body: object, pointers: list[str]
) -> None:
    assert_problem(visitor.post(path, body), 400, "validation_error", *pointers)


def token_of(user_id: UUID, session: Session, generation: int) -> str:
    """Return a refresh token that nobody was given."""
    return mint_refresh(
        user_id=user_id,
        session_id=session.id,
        generation=generation,
        now=timezone.now(),
    )


@pytest.mark.usefixtures("tokens")
def test_a_token_of_the_future_is_refused_and_ends_nothing(
    ada: User, now: datetime
) -> None:
    session = Session.objects.get()

    with pytest.raises(TokenInvalid):
        refresh_session(refresh_token=token_of(ada.id, session, 2), now=now)

    session.refresh_from_db()
    assert (session.generation, session.revoked_at) == (1, None)


@pytest.mark.usefixtures("tokens")
def test_a_token_of_somebody_else_is_refused_and_ends_nothing(now: datetime) -> None:
    session = Session.objects.get()
    refresh_token = token_of(uuid4(), session, 1)

    with pytest.raises(TokenInvalid):
        refresh_session(refresh_token=refresh_token, now=now)
    log_out(refresh_token=refresh_token, now=now)

    session.refresh_from_db()
    assert (session.generation, session.revoked_at) == (1, None)


def test_a_deactivated_person_can_not_refresh(
    ada: User, tokens: Tokens, now: datetime, emitted: Emitted, recorded: Recorded
) -> None:
    operator = uuid4()

    deactivate_user(user_id=ada.id, actor_id=operator, now=now)

    session = Session.objects.get()
    assert session.revoke_reason == "deactivated"
    with pytest.raises(SessionEnded):
        refresh_session(refresh_token=tokens.refresh_token, now=now)
    assert emitted() == [
        SessionRevoked(user_id=ada.id, session_id=session.id, reason="deactivated")
    ]
    assert recorded() == [
        ("user.deactivated", operator, ada.id, None, {}),
        ("session.revoked", operator, session.id, None, {"reason": "deactivated"}),
    ]


def test_a_session_left_open_does_not_outlive_its_active_user(
    ada: User, tokens: Tokens, now: datetime
) -> None:
    User.objects.filter(id=ada.id).update(is_active=False)

    with pytest.raises(SessionEnded):
        refresh_session(refresh_token=tokens.refresh_token, now=now)

    assert Session.objects.get().generation == 1


def test_a_new_role_asks_for_a_new_sign_in(
    ada: User, tokens: Tokens, now: datetime, recorded: Recorded
) -> None:
    change_role(user_id=ada.id, role=User.Role.OPERATOR, actor_id=None, now=now)

    session = Session.objects.get()
    with pytest.raises(SessionEnded):
        refresh_session(refresh_token=tokens.refresh_token, now=now)
    assert recorded() == [
        (
            "user.role_changed",
            None,
            ada.id,
            None,
            {"role": "operator", "previous_role": "user"},
        ),
        ("session.revoked", None, session.id, None, {"reason": "role_changed"}),
    ]


@pytest.mark.usefixtures("tokens")
def test_all_sessions_of_one_person_are_ended_and_nobody_elses(
    ada: User, mallory: User, now: datetime
) -> None:
    open_session(user=ada, ip=None, user_agent="", now=now)
    open_session(user=mallory, ip=None, user_agent="", now=now)

    ended = end_sessions(
        user_id=ada.id, reason=Session.RevokeReason.OPERATOR, actor_id=None, now=now
    )

    assert ended == 2
    assert Session.objects.get(revoked_at=None).user == mallory


def test_no_transaction_can_take_a_refresh_back(ada: User) -> None:
    tokens = open_session(user=ada, ip=None, user_agent="", now=timezone.now())

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        refresh_session(refresh_token=tokens.refresh_token, now=timezone.now())

    assert Session.objects.get().generation == 1
