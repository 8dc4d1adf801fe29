"""The catalogue: names, keys and fields are as the rules want them; EVENTS.md is true."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import get_type_hints
from uuid import UUID, uuid4

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from opencore.cataloguing import (
    ROOT,
    emitters_of,
    example_of,
    hearers_of,
    write_catalogue,
)
from opencore.events import CATALOGUE, TOPICS, Event, EventDataInvalid
from opencore.events.billing.v1 import PaymentSucceeded, SubscriptionExpired
from opencore.events.user.v1 import UserCreated
from outbox.envelope import Envelope, format_time, from_bytes, headers_of, to_bytes

EVENTS = sorted(CATALOGUE.values(), key=lambda kind: kind.type)
NAMES = [kind.__name__ for kind in EVENTS]
CONTRACTS = ROOT / "tests" / "contract" / "events"
each = pytest.mark.parametrize("kind", EVENTS, ids=NAMES)
# Fields whose names say that they are about a person.
TELLING = {"email", "address", "phone", "ip", "name_of_person"}


def all_kinds(of: type[Event] = Event) -> set[type[Event]]:
    found = set(of.__subclasses__())
    return found.union(*(all_kinds(kind) for kind in found))


def shape(kind: type[Event]) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {field.name: str(hints[field.name]) for field in fields(kind)}


def test_the_catalogue_is_all_there_is() -> None:
    ours = {kind for kind in all_kinds() if kind.__module__.startswith("opencore.")}

    # A dataclass with slots leaves the class behind that it was made from.
    assert {kind.type for kind in ours} == set(CATALOGUE)


@each
def test_a_type_is_the_path_of_its_class(kind: type[Event]) -> None:
    stream, _, last = kind.type.rpartition(".")
    camel = "".join(part.capitalize() for part in last.split("-"))

    assert kind.__module__ == stream.replace("opencore.", "opencore.events.")
    assert kind.__name__ == camel
    assert kind.topic() == stream
    assert kind.topic() in TOPICS


@each
def test_fields_are_of_five_kinds_and_the_key_is_one_of_them(kind: type[Event]) -> None:
    allowed = {UUID, str, int, bool, datetime, type(None)}
    kinds = {
        part
        for hint in (get_type_hints(kind)[field.name] for field in fields(kind))
        for part in getattr(hint, "__args__", (hint,))
    }
    event = example_of(kind)

    assert kinds <= allowed
    assert event.key in [getattr(event, field.name) for field in fields(kind)]


@each
def test_what_is_about_a_person_is_declared(kind: type[Event]) -> None:
    names = {field.name for field in fields(kind)}

    assert kind.personal <= names
    assert names & TELLING <= kind.personal


@each
def test_somebody_emits_it(kind: type[Event]) -> None:
    assert emitters_of(kind) != []


@each
def test_it_comes_back_as_it_went(kind: type[Event]) -> None:
    event = example_of(kind)

    assert kind.from_data(json.loads(json.dumps(event.to_data()))) == event


@each
def test_a_published_event_keeps_its_fields_and_their_types(kind: type[Event]) -> None:
    """Hold the class to what was published; a new optional field is added there."""
    published = json.loads((CONTRACTS / f"{kind.type}.json").read_text("utf-8"))

    kept = {name: hint for name, hint in shape(kind).items() if name in published}
    assert kept == published, "a published field may neither go nor change: make a v2"
    assert set(shape(kind)) == set(published), (
        "a new field needs a default; then add it to tests/contract/events"
    )


def test_every_contract_has_its_event() -> None:
    assert {path.stem for path in CONTRACTS.glob("*.json")} == set(CATALOGUE)


@each
def test_the_cloudevents_sdk_reads_it(kind: type[Event]) -> None:
    event, event_id = example_of(kind), uuid4()
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    envelope = Envelope(event_id, "https://opencore.example/x", moment, event, "r")

    headers = headers_of(
        event_id=str(event_id),
        event_type=kind.type,
        key=str(event.key),
        time=format_time(moment),
        request_id="r",
        extra=None,
    )
    read = from_structured_event(
        KafkaMessage(dict(headers), str(event.key), to_bytes(envelope))
    )

    assert (read.get_specversion(), read.get_type()) == ("1.0", kind.type)
    assert (read.get_id(), read.get_time()) == (str(event_id), moment)
    assert read.get_extension("partitionkey") == str(event.key)
    assert read.get_data() == event.to_data()


@given(
    amount=st.integers(-(2**63), 2**64 - 1),
    currency=st.text(),
    ids=st.lists(st.uuids(), min_size=3, max_size=3),
)
def test_any_values_come_back_as_they_went(
    amount: int, currency: str, ids: list[UUID]
) -> None:
    event = PaymentSucceeded(
        payment_id=ids[0],
        customer_id=ids[1],
        user_id=ids[2],
        amount_minor=amount,
        currency=currency.encode(errors="replace").decode(),
        provider="manual",
    )
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    envelope = Envelope(ids[0], "s", moment, event)

    assert from_bytes(to_bytes(envelope)) == envelope


@pytest.mark.parametrize(
    ("amount", "currency"), [(2**64, "EUR"), (1, "half \ud83d of a face")], ids=ascii
)
def test_what_no_reader_could_take_is_refused(amount: int, currency: str) -> None:
    event = PaymentSucceeded(
        payment_id=uuid4(),
        customer_id=uuid4(),
        user_id=uuid4(),
        amount_minor=amount,
        currency=currency,
        provider="manual",
    )
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    with pytest.raises(EventDataInvalid, match=r"payment-succeeded"):
        to_bytes(Envelope(uuid4(), "s", moment, event))


def test_times_are_told_in_utc() -> None:
    event = SubscriptionExpired(
        subscription_id=uuid4(),
        customer_id=uuid4(),
        user_id=uuid4(),
        plan="pro",
        expired_at=datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1))),
    )

    assert event.to_data()["expired_at"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "data is not an object"),
        ({"user_id": "x", "email": "a"}, "user_id is not a UUID"),
        ({"user_id": str(uuid4())}, "missing 1 required"),
        ({"user_id": str(uuid4()), "email": 1}, "email is not a str"),
        ({"user_id": str(uuid4()), "email": None}, "email is not a str"),
    ],
    ids=["list", "no UUID", "missing", "number", "null"],
)
def test_data_that_does_not_fit_is_refused(data: object, why: str) -> None:
    with pytest.raises(EventDataInvalid, match=why):
        UserCreated.from_data(data)


def test_fields_that_are_not_known_are_passed_over() -> None:
    ada = uuid4()

    read = UserCreated.from_data({"user_id": str(ada), "email": "a", "new": [1]})

    assert read == UserCreated(user_id=ada, email="a")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("events", *arguments, stdout=out)
    return out.getvalue()


def test_the_page_is_up_to_date() -> None:
    assert run("--check") == "EVENTS.md is up to date.\n"


def test_the_page_names_who_emits_and_who_hears() -> None:
    page = write_catalogue()

    assert emitters_of(UserCreated) == ["accounts.services.people.find_or_create_user"]
    assert hearers_of(UserCreated) == [
        "billing.handlers.open_customer_for_new_user",
        "notifications.handlers.welcome_new_user",
    ]
    assert all(f"### {name}\n" in page for name in NAMES)
    assert "| `email` | string | **personal** |" in page


def test_a_page_that_is_out_of_date_is_said_and_written(tmp_path: Path) -> None:
    page = tmp_path / "EVENTS.md"

    with pytest.raises(CommandError, match=r"is not up to date: run manage\.py events"):
        run("--check", "--page", str(page))
    assert run("--dry-run", "--page", str(page)) == write_catalogue()
    assert not page.exists()
    assert run("--page", str(page)) == "EVENTS.md is written.\n"
    assert run("--page", str(page)) == "EVENTS.md is up to date.\n"
