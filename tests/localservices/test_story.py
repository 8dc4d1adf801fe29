"""What somebody at the terminal is told of a part's output."""

import pytest

from opencore.localservices.story import QUIET_AFTER, Story

ERROR = "2026-01-01T00:00:00Z [error    ] "
DATABASE_AWAY = f"{ERROR}database did not answer [outbox.running] relay=a"
KAFKA_AWAY = f"{ERROR}kafka does not answer; events wait [outbox.running]"
KAFKA_BACK = "2026-01-01T00:00:09Z [info     ] kafka answers again [outbox.running]"
OVER = "goes on; the outage is over"
HEADER = "Traceback (most recent call last):"
FRAME = '  File "beat.py", line 1, in tick'
REDIS_AWAY = "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1"
BUG = "KeyError: 'user_id'"


def told(story: Story, lines: list[str], *, now: float) -> list[str]:
    return [shown for line in lines for shown in story.hear(line, now=now)]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"{ERROR}event refused [outbox.relay]", id="an error"),
        pytest.param("mail to ada@example.com: Welcome", id="mail"),
        pytest.param("OpenCore does not start: no key", id="a refused start"),
    ],
)
def test_what_matters_is_shown_each_time(line: str) -> None:
    story = Story()

    assert told(story, [line, line], now=0.0) == [line, line]


def test_what_merely_happened_is_left_to_the_log() -> None:
    assert Story().hear("[info     ] event delivered", now=0.0) == []


def test_an_outage_is_told_once_when_it_begins() -> None:
    story = Story()

    shown = told(story, [DATABASE_AWAY] * 5, now=0.0)

    assert shown == [DATABASE_AWAY]


def test_an_outage_is_told_once_more_when_the_part_has_been_quiet() -> None:
    story = Story()
    story.hear(DATABASE_AWAY, now=0.0)

    looks = [story.look(now=at) for at in (QUIET_AFTER - 1, QUIET_AFTER, 100.0)]

    assert looks == [[], [OVER], []]


def test_an_outage_that_goes_on_is_not_said_to_be_over() -> None:
    story = Story()
    story.hear(DATABASE_AWAY, now=0.0)
    story.hear(DATABASE_AWAY, now=QUIET_AFTER - 1)

    assert story.look(now=QUIET_AFTER + 1) == []


def test_an_outage_of_kafka_is_over_when_the_part_says_so() -> None:
    story = Story()
    story.hear(KAFKA_AWAY, now=0.0)

    assert story.look(now=1000.0) == []
    assert story.hear(KAFKA_BACK, now=1001.0) == [OVER]


def test_a_second_outage_is_told_again() -> None:
    story = Story()
    story.hear(DATABASE_AWAY, now=0.0)
    story.look(now=QUIET_AFTER)

    assert story.hear(DATABASE_AWAY, now=50.0) == [DATABASE_AWAY]


def test_no_traceback_of_an_outage_is_shown() -> None:
    story = Story()

    shown = told(story, [HEADER, FRAME, REDIS_AWAY], now=0.0) + story.look(now=1.0)

    assert shown == [REDIS_AWAY]


def test_the_traceback_of_a_bug_is_shown_whole() -> None:
    story = Story()

    shown = told(story, [HEADER, FRAME, BUG], now=0.0) + story.look(now=1.0)

    assert shown == [HEADER, FRAME, BUG]


def test_a_traceback_is_not_torn_while_it_is_written() -> None:
    story = Story()
    told(story, [HEADER, FRAME], now=0.0)

    assert story.look(now=100.0) == []


def test_a_bug_that_an_outage_brought_to_light_is_shown_with_its_cause() -> None:
    lines = [
        *(HEADER, FRAME, REDIS_AWAY, ""),
        "During handling of the above exception, another exception occurred:",
        *("", HEADER, FRAME, BUG),
    ]
    story = Story()

    assert told(story, lines, now=0.0) + story.look(now=1.0) == lines


def test_the_line_after_a_traceback_is_heard_for_itself() -> None:
    story = Story()
    error = f"{ERROR}event refused [outbox.relay]"

    shown = told(story, [HEADER, FRAME, REDIS_AWAY, "\tIs it up?", error], now=0.0)

    assert shown == [REDIS_AWAY, error]
