"""An erased person is forgotten everywhere at once; books and record stay valid."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db.models import Sum
from pytest_django import Settings

from accounts.models import (
    ApiKey,
    AuditEntry,
    AuditPersonal,
    DataRequest,
    Membership,
    Organization,
    Session,
    User,
)
from accounts.services import (
    add_member,
    create_organization,
    erase_on_request,
    export_data,
    find_or_create_user,
    republish_revocations,
    request_code,
    revoking,
)
from accounts.services.auditing import record
from accounts.services.sessions import open_session
from accounts.tasks import do_data_requests
from billing.models import Customer, Payment
from notifications.services import send_next_mail
from opencore import privacy
from opencore.context import Device, working_for
from opencore.events.org.v1 import ApiKeyRevoked, MemberRemoved, OrgDeleted
from opencore.events.user.v1 import ErasureFailed, SessionRevoked, UserErased
from opencore.revoked import Revocation, session_member, user_member
from tests.accounts.canary import (
    AGENT,
    ASKED,
    EMAIL,
    IP,
    NAME,
    WEEK,
    ask_for,
    be_told,
    belong,
    deliver_all,
    pay,
    places_with,
)
from tests.accounts.conftest import Emitted
from tests.accounts.test_data_export import Refusing
from tests.notifications import fakes
from tests.notifications.fakes import MailServer

pytestmark = pytest.mark.django_db

Kind = DataRequest.Kind
# Where traces may be left, and why: whole days of the archive are dropped after
# OUTBOX_ARCHIVE_DAYS, and what an event says never changes.
LEFT = {"outbox_archive_rest.payload"}


@pytest.fixture
def mail_server(settings: Settings) -> type[MailServer]:
    settings.EMAIL_BACKEND = fakes.NAME
    MailServer.reset()
    return MailServer


@pytest.fixture
def canary() -> User:
    """A person who signed in from somewhere, with a name."""
    with working_for(request_id="visit-0001", device=Device(ip=IP, user_agent=AGENT)):
        user = find_or_create_user(email=EMAIL, actor_id=None)
        request_code(email=EMAIL, ip=IP, user_agent=AGENT, now=ASKED)
        open_session(user=user, ip=IP, user_agent=AGENT, now=ASKED)
        record(AuditEntry.Action.SIGN_IN_LOCKED, target_id=user.id, actor_id=None)
    User.objects.filter(id=user.id).update(name=NAME, last_login=ASKED)
    user.refresh_from_db()
    return user


@pytest.fixture
def request_(canary: User) -> DataRequest:
    """That the canary asked to be erased, a week ago."""
    return ask_for(canary, Kind.ERASURE)


def erase(request: DataRequest) -> DataRequest:
    assert erase_on_request(request_id=request.id, now=ASKED + WEEK) is True
    request.refresh_from_db()
    return request


def test_nothing_personal_is_left_but_where_it_expires(
    canary: User,
    acme: Organization,
    request_: DataRequest,
    mail_server: type[MailServer],
) -> None:
    create_organization(name="Yellowbirds", actor_id=canary.id)
    belong(canary, acme)
    pay(canary)
    copy = ask_for(canary, Kind.EXPORT)
    export_data(request_id=copy.id, now=ASKED)
    be_told(canary, request_)
    deliver_all(canary)
    before = places_with()

    erase(request_)
    send_next_mail(now=ASKED + WEEK)

    assert len(before) >= 15
    assert places_with() == LEFT
    assert [mail.to for mail in mail_server.sent] == [[EMAIL]]


def test_the_address_waits_for_the_last_mail_alone(
    canary: User, request_: DataRequest, mail_server: type[MailServer]
) -> None:
    be_told(canary, request_)
    deliver_all(canary)
    mail_server.failure = ConnectionRefusedError()

    erase(request_)
    send_next_mail(now=ASKED + WEEK)

    assert places_with() == LEFT | {"notifications_delivery.address"}


def test_the_row_that_others_name_is_nobodys(
    canary: User, request_: DataRequest
) -> None:
    done = erase(request_)

    user = User.objects.get(id=canary.id)
    assert (user.email, user.name) == (f"erased-{user.id}@erased.invalid", "")
    assert (user.is_active, user.erased_at) == (False, ASKED + WEEK)
    assert (done.status, done.finished_at) == ("done", ASKED + WEEK)
    assert done.report["accounts"]["audit_personal"] == 3


def test_the_same_address_becomes_another_user(
    canary: User, request_: DataRequest
) -> None:
    erase(request_)

    again = find_or_create_user(email=EMAIL, actor_id=None)

    assert (again.id != canary.id, again.name) == (True, "")


def test_what_was_recorded_stays_as_it_was_sealed(
    canary: User, request_: DataRequest
) -> None:
    entries = AuditEntry.objects.order_by("seq")
    before = list(entries.values())
    assert AuditPersonal.objects.filter(person_id=canary.id).exists()

    erase(request_)

    assert list(entries.values())[: len(before)] == before
    assert not AuditPersonal.objects.filter(person_id=canary.id).exists()
    assert entries.last() == entries.get(action="user.erased", target_id=canary.id)


def test_the_books_stay_and_lead_to_nobody(canary: User, request_: DataRequest) -> None:
    payment = pay(canary)
    before = Payment.objects.values().get()

    erase(request_)

    assert Payment.objects.values().get() == before
    assert Payment.objects.aggregate(sum=Sum("amount_minor")) == {"sum": 1999}
    assert Customer.objects.get(id=payment.customer_id).email is None


def test_all_hear_of_it(
    canary: User, acme: Organization, request_: DataRequest, emitted: Emitted
) -> None:
    belong(canary, acme)
    session, key = Session.objects.get(), ApiKey.objects.get()

    erase(request_)

    assert emitted()[1:] == [
        MemberRemoved(org_id=acme.id, user_id=canary.id),
        SessionRevoked(user_id=canary.id, session_id=session.id, reason="erased"),
        ApiKeyRevoked(
            org_id=acme.id,
            key_id=key.id,
            prefix="p",
            scopes="",
            reason="erased",
            by=None,
        ),
        UserErased(user_id=canary.id, erased_at=ASKED + WEEK),
    ]


def test_gateways_refuse_all_that_the_person_holds(
    canary: User, request_: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Revocation] = []
    erase(request_)

    def hear(news: Iterable[Revocation]) -> int:
        told.extend(news)
        return len(told)

    monkeypatch.setattr(revoking, "revoke", hear)
    republish_revocations(now=ASKED + WEEK)

    session = Session.objects.get()
    assert [revocation.member for revocation in told] == [
        session_member(session.id),
        user_member(canary.id),
    ]


def test_an_organization_of_theirs_alone_is_deleted_and_others_hear_of_it(
    canary: User, request_: DataRequest, emitted: Emitted
) -> None:
    theirs = create_organization(name="Yellowbirds", actor_id=canary.id)

    erase(request_)

    theirs.refresh_from_db()
    assert (theirs.status, theirs.name) == ("deleted", "deleted")
    assert theirs.slug == str(theirs.id)
    assert OrgDeleted(org_id=theirs.id, deleted_by=canary.id) in emitted()


def test_an_owner_whom_others_need_is_not_erased_and_told_so(
    canary: User, ada: User, request_: DataRequest, emitted: Emitted
) -> None:
    shared = create_organization(name="Shared", actor_id=canary.id)
    add_member(
        organization_id=shared.id,
        user_id=ada.id,
        role=Membership.Role.ADMIN,
        actor_id=canary.id,
    )
    before = emitted()

    done = erase(request_)

    failed = ErasureFailed(
        user_id=canary.id, request_id=request_.id, reason="last_owner"
    )
    assert (done.status, done.report) == ("failed", {"refused": "last_owner"})
    assert User.objects.get(id=canary.id).email == EMAIL
    assert emitted()[len(before) :] == [failed]


def test_nobody_is_erased_before_the_time_is_over(
    canary: User, request_: DataRequest
) -> None:
    early = ASKED + WEEK - timedelta(seconds=1)

    assert erase_on_request(request_id=request_.id, now=early) is False

    assert User.objects.get(id=canary.id).email == EMAIL


@pytest.mark.parametrize("app", ["a", "zz"], ids=["first", "in the middle"])
def test_all_apps_forget_or_none_does(
    app: str, canary: User, request_: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(canary)
    before = places_with()
    refusing = privacy.Registered(None, Refusing())
    monkeypatch.setitem(privacy._registered, app, refusing)
    DataRequest.objects.update(not_before=ASKED)

    do_data_requests()

    request_.refresh_from_db()
    assert request_.status == "pending"
    assert places_with() == before


def test_accounts_forget_last_for_others_ask_it_who_it_was() -> None:
    assert list(privacy.registered())[-1] == "accounts"
