"""A statement that PostgreSQL works at while this process does something else."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

import psycopg
import pytest
from psycopg import errors

from outbox.background import executing
from outbox.models import TopicPause

Connect = Callable[[], "psycopg.Connection[Any]"]

PAUSE = """
insert into outbox_topic_pause (topic, reason) values (%(topic)s, '') returning topic
"""
PATIENCE = 10.0


def test_it_is_committed_while_nobody_asks_for_its_answer(connect: Connect) -> None:
    with executing(connect(), PAUSE, {"topic": "here"}) as cursor:
        deadline = monotonic() + PATIENCE
        while not TopicPause.objects.exists() and monotonic() < deadline:
            Event().wait(0.001)
        committed = TopicPause.objects.count()

    assert committed == 1
    assert cursor.fetchone() == ("here",)


def test_its_failure_is_raised_after_the_block_and_leaves_nothing(
    connect: Connect,
) -> None:
    own, other, done = connect(), connect(), []
    other.execute("begin")
    other.execute(PAUSE, {"topic": "there"})

    with (
        pytest.raises(errors.UniqueViolation),
        executing(own, PAUSE, {"topic": "there"}),
    ):
        # Until then PostgreSQL can't know whether the statement will fail.
        done.append(other.execute("commit").statusmessage)

    assert done == ["COMMIT"]
    assert own.execute("select topic from outbox_topic_pause").fetchall() == [
        ("there",)
    ]


def test_a_failure_that_is_known_soon_leaves_nothing_either(connect: Connect) -> None:
    own = connect()
    own.execute(PAUSE, {"topic": "there"})

    for _ in range(50):
        with (
            pytest.raises(errors.UniqueViolation),
            executing(own, PAUSE, {"topic": "there"}),
        ):
            pass

    assert own.execute("select topic from outbox_topic_pause").fetchall() == [
        ("there",)
    ]
    assert own.info.pipeline_status == psycopg.pq.PipelineStatus.OFF


def test_what_the_block_raises_is_raised_and_the_statement_is_done(
    connect: Connect,
) -> None:
    own = connect()

    with (
        pytest.raises(ZeroDivisionError),
        executing(own, PAUSE, {"topic": "everywhere"}),
    ):
        1 / 0  # noqa: B018 -- it raises

    assert own.execute("select topic from outbox_topic_pause").fetchall() == [
        ("everywhere",)
    ]
    assert own.info.pipeline_status == psycopg.pq.PipelineStatus.OFF


def test_as_often_as_wanted_over_one_connection(connect: Connect) -> None:
    own = connect()

    # More often than psycopg needs to prepare a statement.
    for number in range(12):
        with executing(own, PAUSE, {"topic": str(number)}):
            pass

    assert TopicPause.objects.count() == 12
