"""People ask for their data or its erasure, and take that back."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import DataRequest, Organization, User
from accounts.services import cancel_request, remind_of_erasures, request_data
from opencore.events.user.v1 import (
    DataRequestCancelled,
    DataRequested,
    ErasureUpcoming,
)
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.proved import Fresh, Proved
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

REQUESTS = "/v1/users/me/data-requests"
EXPORT, ERASURE = {"kind": "export"}, {"kind": "erasure"}
Kind = DataRequest.Kind


def ask(user: User, kind: DataRequest.Kind, now: datetime) -> DataRequest:
    return request_data(user_id=user.id, kind=kind, actor_id=user.id, now=now)


def test_who_asks_for_their_data_is_told_where_to_look(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(ada.id).post(REQUESTS, EXPORT)

    made = DataRequest.objects.get()
    assert response.status_code == 202
    assert response["Location"] == f"{REQUESTS}/{made.id}"
    assert (body_of(response)["status"], made.user_id) == ("pending", ada.id)
    assert emitted() == [
        DataRequested(
            user_id=ada.id,
            request_id=made.id,
            kind="export",
            not_before=made.not_before,
        )
    ]
    assert recorded() == [
        ("data_request.created", ada.id, ada.id, None, {"kind": "export"})
    ]


def test_an_erasure_waits_a_week_and_is_due_within_a_month(ada: User) -> None:
    response = Proved(ada.id).post(REQUESTS, ERASURE)

    made = DataRequest.objects.get()
    asked_at = made.not_before - timedelta(days=7)
    assert response.status_code == 202
    assert timezone.now() - asked_at < timedelta(minutes=5)
    assert made.due_at == asked_at + timedelta(days=30)


@pytest.mark.parametrize(
    "proved_at",
    [None, timezone.now() - timedelta(minutes=11)],
    ids=["never", "too long ago"],
)
def test_an_erasure_needs_a_fresh_proof(
    ada: User, proved_at: datetime | None, emitted: Emitted
) -> None:
    api = Proved(ada.id, proof=Fresh(authenticated_at=proved_at))

    assert_problem(api.post(REQUESTS, ERASURE), 403, "step_up_required")

    assert (DataRequest.objects.count(), emitted()) == (0, [])


@pytest.mark.parametrize("body", [EXPORT, ERASURE], ids=["export", "erasure"])
def test_staff_who_act_as_a_person_ask_for_nothing(
    ada: User, body: dict[str, str], emitted: Emitted
) -> None:
    staff = Proved(ada.id, proof=Fresh(impersonator_id=uuid4()))

    assert_problem(staff.post(REQUESTS, body), 403, "forbidden")

    assert (DataRequest.objects.count(), emitted()) == (0, [])


def test_a_second_request_of_a_kind_is_refused(ada: User, emitted: Emitted) -> None:
    ask(ada, Kind.EXPORT, timezone.now())
    before = emitted()

    assert_problem(Api(ada.id).post(REQUESTS, EXPORT), 409, "data_request_open")

    assert (DataRequest.objects.count(), emitted()) == (1, before)


def test_nobody_asks_for_anything_else(ada: User) -> None:
    response = Api(ada.id).post(REQUESTS, {"kind": "all"})

    assert_problem(response, 400, "validation_error", "/kind")


def test_who_alone_owns_what_others_belong_to_hands_it_over_first(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    assert_problem(Proved(grace.id).post(REQUESTS, ERASURE), 409, "last_owner")

    assert (DataRequest.objects.count(), emitted()) == (0, [])


def test_a_member_of_what_others_own_may_go(ada: User, acme: Organization) -> None:
    assert Proved(ada.id).post(REQUESTS, ERASURE).status_code == 202


def test_an_erasure_is_taken_back_in_time(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    made = ask(ada, Kind.ERASURE, timezone.now())

    response = Api(ada.id).delete(f"{REQUESTS}/{made.id}")

    made.refresh_from_db()
    cancelled = DataRequestCancelled(user_id=ada.id, request_id=made.id, kind="erasure")
    assert (response.status_code, made.status) == (204, "cancelled")
    assert emitted()[1:] == [cancelled]
    assert recorded()[1:] == [
        ("data_request.cancelled", ada.id, ada.id, None, {"kind": "erasure"})
    ]


def test_what_was_taken_back_can_be_asked_for_again(ada: User) -> None:
    now = timezone.now()
    made = ask(ada, Kind.ERASURE, now)
    cancel_request(request_id=made.id, user_id=ada.id, actor_id=ada.id, now=now)

    assert Proved(ada.id).post(REQUESTS, ERASURE).status_code == 202


@pytest.mark.parametrize("status", ["running", "done", "cancelled", "failed"])
def test_what_is_past_is_not_taken_back(ada: User, status: str) -> None:
    made = ask(ada, Kind.ERASURE, timezone.now())
    DataRequest.objects.update(status=status)

    response = Api(ada.id).delete(f"{REQUESTS}/{made.id}")

    assert_problem(response, 409, "data_request_closed")
    assert DataRequest.objects.get().status == status


def test_a_person_sees_their_own_requests_alone(ada: User, mallory: User) -> None:
    made = ask(ada, Kind.EXPORT, timezone.now())
    ask(mallory, Kind.EXPORT, timezone.now())

    listed = body_of(Api(ada.id).get(REQUESTS))["data"]
    shown = body_of(Api(ada.id).get(f"{REQUESTS}/{made.id}"))

    assert listed == [shown]
    assert shown == {
        "id": str(made.id),
        "kind": "export",
        "status": "pending",
        "created_at": shown["created_at"],
        "not_before": shown["not_before"],
        "due_at": shown["due_at"],
        "finished_at": None,
        "expires_at": None,
    }


@pytest.mark.parametrize("place", ["", "/content"], ids=["request", "content"])
def test_nobody_sees_what_another_asked_for(
    ada: User, mallory: User, place: str
) -> None:
    made = ask(ada, Kind.EXPORT, timezone.now())

    response = Api(mallory.id).get(f"{REQUESTS}/{made.id}{place}")

    assert_problem(response, 404, "not_found")


def test_nobody_takes_back_what_another_asked_for(ada: User, mallory: User) -> None:
    made = ask(ada, Kind.ERASURE, timezone.now())

    response = Api(mallory.id).delete(f"{REQUESTS}/{made.id}")

    assert_problem(response, 404, "not_found")
    assert DataRequest.objects.get().status == "pending"


def test_who_will_be_erased_is_reminded_once_on_the_day_before(
    ada: User, emitted: Emitted
) -> None:
    asked_at = timezone.now()
    made = ask(ada, Kind.ERASURE, asked_at)

    reminded = [
        remind_of_erasures(now=asked_at + timedelta(days=days))
        for days in (5.9, 6.1, 6.2, 7.1)
    ]

    assert reminded == [0, 1, 0, 0]
    assert emitted()[1:] == [
        ErasureUpcoming(user_id=ada.id, request_id=made.id, not_before=made.not_before)
    ]
