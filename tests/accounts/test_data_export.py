"""A person's copy of their data: what is in it, and that it is whole or not there."""

import base64
import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import (
    Authenticator,
    DataRequest,
    File,
    FilePart,
    RecoveryCode,
    User,
)
from accounts.services import (
    delete_expired_files,
    export_data,
    request_data,
)
from accounts.services import files as writing
from accounts.tasks import do_data_requests
from billing.services import open_customer
from notifications.models import Recipient
from opencore import privacy
from opencore.events.user.v1 import DataExportReady
from tests.accounts.conftest import Emitted
from tests.accounts.proved import Fresh, Proved
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

NOW = timezone.now()


class Refusing:
    """An app that can't tell what it knows of anybody."""

    exported: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()

    def export(self, person: privacy.Person) -> Any:  # noqa: ANN401 -- it returns nothing
        raise RuntimeError(str(person.user_id))

    def erase(self, person: privacy.Person, *, now: datetime) -> dict[str, int]:
        raise RuntimeError(str(person.user_id))


@pytest.fixture
def request_(ada: User) -> DataRequest:
    """That ada asked for her data."""
    return request_data(
        user_id=ada.id, kind=DataRequest.Kind.EXPORT, actor_id=ada.id, now=NOW
    )


def place_of(request: DataRequest) -> str:
    return f"/v1/users/me/data-requests/{request.id}/content"


def fetch(ada: User, request: DataRequest) -> bytes:
    response = Api(ada.id).get(place_of(request))
    assert response.status_code == 200
    return bytes(response.getvalue())


def tables_in(content: bytes) -> dict[str, list[dict[str, Any]]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name: [json.loads(line) for line in archive.read(name).splitlines()]
            for name in archive.namelist()
        }


def test_a_person_gets_what_all_apps_know_of_them(
    ada: User, mallory: User, request_: DataRequest, emitted: Emitted
) -> None:
    open_customer(user_id=ada.id, email=ada.email, actor_id=None)
    open_customer(user_id=mallory.id, email=mallory.email, actor_id=None)
    Recipient.objects.create(user_id=ada.id, email=ada.email)

    assert export_data(request_id=request_.id, now=NOW) is True

    tables = tables_in(fetch(ada, request_))
    request_.refresh_from_db()
    assert tables["accounts/user.ndjson"][0]["email"] == "ada@example.com"
    assert tables["billing/customers.ndjson"][0]["email"] == "ada@example.com"
    assert tables["notifications/recipients.ndjson"][0]["email"] == "ada@example.com"
    assert "mallory" not in json.dumps(tables)
    assert request_.report["accounts/user"] == 1
    assert emitted()[-1] == DataExportReady(
        user_id=ada.id, request_id=request_.id, expires_at=NOW + timedelta(days=7)
    )


def test_a_copy_holds_no_secret(ada: User, request_: DataRequest) -> None:
    Authenticator.objects.create(user=ada, name="phone", sealed_secret="5ea1ed")
    RecoveryCode.objects.create(user=ada, prefix="ab", code_hash="argon2-hash")

    export_data(request_id=request_.id, now=NOW)

    text = json.dumps(tables_in(fetch(ada, request_)))
    assert '"phone"' in text
    assert [word for word in ("5ea1ed", "argon2", "hmac") if word in text] == []


def test_the_digest_is_that_of_all_pieces(
    ada: User, request_: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_BYTES", 100)
    export_data(request_id=request_.id, now=NOW)

    response = Api(ada.id).get(place_of(request_))

    content = bytes(response.getvalue())
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert FilePart.objects.count() == -(-len(content) // 100)
    assert response["Content-Length"] == str(len(content))
    assert response["Repr-Digest"] == f"sha-256=:{digest}:"
    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "no-store"


def test_a_worker_that_dies_leaves_nothing_and_the_next_one_does_it_all(
    request_: DataRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refusing = privacy.Registered(Refusing(), Refusing())
        patch.setitem(privacy._registered, "zz", refusing)
        do_data_requests()
    left = File.objects.count(), FilePart.objects.count()

    do_data_requests()

    request_.refresh_from_db()
    assert left == (0, 0)
    assert (request_.status, File.objects.count()) == ("done", 1)


def test_a_request_that_fails_holds_up_no_other(
    request_: DataRequest, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = request_data(
        user_id=mallory.id,
        kind=DataRequest.Kind.EXPORT,
        actor_id=mallory.id,
        now=NOW,
    )
    User.objects.filter(id=request_.user_id).update(email="broken")
    export = privacy.export
    monkeypatch.setattr(
        privacy,
        "export",
        lambda person: (
            export(person)
            if "broken" not in person.addresses
            else Refusing().export(person)
        ),
    )

    do_data_requests()

    other.refresh_from_db()
    request_.refresh_from_db()
    assert (request_.status, other.status) == ("pending", "done")


def test_what_is_done_is_not_done_again(request_: DataRequest) -> None:
    export_data(request_id=request_.id, now=NOW)

    assert export_data(request_id=request_.id, now=NOW) is False
    assert File.objects.count() == 1


def test_there_is_nothing_to_fetch_before_it_is_written(
    ada: User, request_: DataRequest
) -> None:
    assert_problem(Api(ada.id).get(place_of(request_)), 409, "data_not_ready")


def test_staff_who_act_as_a_person_do_not_get_their_copy(
    ada: User, request_: DataRequest
) -> None:
    export_data(request_id=request_.id, now=NOW)
    staff = Proved(ada.id, proof=Fresh(impersonator_id=uuid4(), read_only=True))

    assert_problem(staff.get(place_of(request_)), 403, "forbidden")


def test_a_copy_is_kept_for_a_week(ada: User, request_: DataRequest) -> None:
    DataRequest.objects.update(not_before=NOW - timedelta(days=8))
    export_data(request_id=request_.id, now=NOW - timedelta(days=7))

    assert_problem(Api(ada.id).get(place_of(request_)), 404, "not_found")
    deleted = delete_expired_files(now=NOW)

    assert (deleted, FilePart.objects.count()) == (1, 0)
    request = body_of(Api(ada.id).get(place_of(request_).removesuffix("/content")))
    assert (request["status"], request["expires_at"]) == ("done", None)
