"""Why a key waits: at the command, and on the operators' page."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from outbox.holding import hold_key, pause_topic
from outbox.inspecting import inspect_key
from outbox.models import DeadLetter, Hold, OutboxEvent, ParkedMessage
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, store_letters
from tests.outbox.operators import operator_with, page

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"
ADA = str(person("ada"))
GRACE: dict[str, Any] = {"actor": "grace@example.com", "reason": "looked into it"}
PAGE = "/admin/outbox/hold/inspect/"


def why(key: str = ADA) -> list[str]:
    return [line.why for line in inspect_key(key=key).lines]


def test_a_key_of_which_nothing_waits_has_no_lines() -> None:
    tell_of("grace")

    assert inspect_key(key=ADA).lines == []


def test_a_key_that_waits_for_its_turn() -> None:
    tell_of("ada")
    tell_of("ada")

    (line,) = inspect_key(key=ADA).lines

    first = OutboxEvent.objects.order_by("id")[0]
    assert (line.scope, line.topic, line.waiting) == ("relay", TOPIC, 2)
    assert (line.since, line.behind) == (first.created_at, None)
    assert line.why == "It waits for nothing but its turn."


def test_a_key_behind_an_event_that_is_tried_again(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada", email=TOO_LARGE)
    kafka.largest = 1000
    new_relay().relay_batch()

    (line,) = inspect_key(key=ADA).lines

    assert line.behind == OutboxEvent.objects.get().event_id
    assert line.resume_at == Hold.objects.get().resume_at
    assert line.why == "Its first event is tried again: too large"


def test_a_key_behind_a_dead_letter() -> None:
    (letter,) = store_letters(1)

    (line,) = inspect_key(key=letter.key).lines

    assert (line.behind, line.dead_letters) == (letter.event_id, 1)
    assert line.why.startswith("Its first event is a dead letter: ")


def test_a_letter_that_lets_others_pass() -> None:
    (letter,) = store_letters(1, held=False)

    assert why(letter.key) == [
        "It waits for nothing, but has dead letters; its topic lets others pass."
    ]


def test_a_key_that_somebody_holds_and_who_decided_it() -> None:
    hold_key(scope="billing", topic=TOPIC, key=ADA, **GRACE)

    report = inspect_key(key=ADA)

    assert [line.why for line in report.lines] == [
        "grace@example.com holds it: looked into it"
    ]
    (decision,) = report.decisions
    assert (decision.action, decision.scope) == ("hold_key", "billing")
    assert (decision.actor, decision.reason) == tuple(GRACE.values())


def test_a_key_of_a_paused_topic() -> None:
    tell_of("ada")
    pause_topic(topic=TOPIC, **GRACE)

    assert why() == ["Its topic is paused: looked into it"]


def test_a_key_that_is_parked_at_a_consumer() -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.all().delete()
    Hold.objects.all().delete()
    parked = ParkedMessage.objects.create(
        consumer="billing",
        topic=TOPIC,
        partition=0,
        offset=0,
        key=letter.key,
        event_id=letter.event_id or person("x"),
        type=letter.type,
        payload=letter.payload,
        headers=[],
    )

    (line,) = inspect_key(key=letter.key).lines

    parked.refresh_from_db()
    assert (line.scope, line.waiting, line.since) == ("billing", 1, parked.parked_at)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("outbox_key", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_it_in_lines_and_one_sentence() -> None:
    tell_of("ada")
    hold_key(scope="relay", topic=TOPIC, key=ADA, **GRACE)

    held, decided, whole = run(ADA).splitlines()

    assert held.startswith(f"relay: {TOPIC}: 1 wait since {timezone.now():%Y-%m-%d}")
    assert held.endswith("grace@example.com holds it: looked into it")
    assert decided.endswith("hold_key (relay) by grace@example.com: looked into it")
    assert whole == f"1 events of {ADA} wait, 0 dead letters wait for a decision."


def test_the_command_says_it_in_json() -> None:
    (letter,) = store_letters(1)

    report = json.loads(run(letter.key, "--json"))

    assert report["key"] == letter.key
    assert report["lines"][0]["behind"] == str(letter.event_id)


def test_the_page_says_why_and_since_when() -> None:
    (letter,) = store_letters(1)
    ada = operator_with("view_hold")

    text = page(ada, f"hold/inspect/?key={letter.key}")

    assert "Its first event is a dead letter" in text
    assert str(letter.event_id) in text
    assert 'name="decision"' not in text


def test_the_list_of_holds_leads_to_the_page() -> None:
    assert PAGE in page(operator_with("view_hold"), "hold/")


@pytest.mark.parametrize(
    ("decision", "holds", "recorded"),
    [("release", 0, "release_key"), ("hold", 1, "hold_key")],
)
def test_a_decision_on_the_page_is_done_and_recorded(
    decision: str, holds: int, recorded: str
) -> None:
    tell_of("ada")
    Hold.objects.bulk_create(
        [Hold(scope="relay", topic=TOPIC, key=ADA, reason="audit")] * (1 - holds)
    )
    ada = operator_with("view_hold", "change_hold")

    response = ada.post(
        PAGE,
        {
            "decision": decision,
            "scope": "relay",
            "topic": TOPIC,
            "key": ADA,
            "reason": "checked by hand",
        },
    )

    assert response["Location"] == f"{PAGE}?key={ADA}"
    assert Hold.objects.count() == holds
    (done,) = inspect_key(key=ADA).decisions
    assert (done.action, done.actor) == (recorded, "ada@example.com")


def test_a_refused_decision_is_explained() -> None:
    (letter,) = store_letters(1)
    ada = operator_with("view_hold", "change_hold")

    response = ada.post(
        PAGE,
        {
            "decision": "release",
            "scope": "relay",
            "topic": TOPIC,
            "key": letter.key,
            "reason": "checked by hand",
        },
        follow=True,
    )

    assert b"is a dead letter: replay or discard it instead" in response.content
    assert Hold.objects.count() == 1


def test_who_may_only_look_decides_nothing() -> None:
    response = operator_with("view_hold").post(PAGE, {"decision": "hold"})

    assert response.status_code == 403
    assert Hold.objects.count() == 0


def test_an_unknown_decision_is_refused() -> None:
    ada = operator_with("view_hold", "change_hold")

    assert ada.post(PAGE, {"decision": "sing"}).status_code == 400
