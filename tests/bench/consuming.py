"""How many events a consumer applies: an inbox row and an effect of one row for each."""

from collections.abc import Callable, Sequence
from time import perf_counter, process_time
from typing import Any
from uuid import UUID, uuid4

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings
from django.db import connection, transaction

from opencore.events.user.v1 import UserCreated
from outbox import consuming
from outbox.consumer import BATCH, Consumer
from outbox.consuming import HandlerOfMany, Handling, Heard, one_by_one
from outbox.envelope import from_bytes
from outbox.kafka.source import KafkaSource
from outbox.receiving import Received
from outbox.running import Stop
from tests.bench.brokers import Raw
from tests.bench.figures import Result, Sample, Say, interleaved
from tests.bench.samples import payload_of

SINGLY = "one transaction per message: inbox row, effect, commit"
EACH = "OpenCore's consumer: inbox row, effect by a handler of one event"
TOGETHER = "OpenCore's consumer: inbox row, effect by a handler of many at once"
CONSUMER = "bench"


def measure(*, events: int, rounds: int, say: Say) -> Result:
    """Measure our consumer beside a plain loop, over the same messages of Kafka."""
    messages = max(events // 20, 1)
    topic = f"bench-{uuid4()}"
    _publish(topic, messages)
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists bench_effect (id uuid primary key)")
    try:
        ways = {
            SINGLY: lambda: _singly(topic, messages),
            EACH: lambda: _consume(topic, messages, one_by_one(keep)),
            TOGETHER: lambda: _consume(topic, messages, keep_all),
        }
        found = interleaved("consuming", ways, rounds=rounds, unit="events/s", say=say)
    finally:
        _remove(topic)
    return Result(found.figures(), [found.at_least(5, TOGETHER, of=SINGLY)])


class Watch:
    """The clock of one round: it runs from the first message to the last message's end."""

    current: "Watch"

    def __init__(self, messages: int, done: Callable[[], None]) -> None:
        self.left = messages
        self._messages = messages
        self._done = done
        self._began = self._cpu = 0.0
        Watch.current = self

    def begin(self) -> None:
        """Let the clock run, if it does not yet."""
        if not self._began:
            self._began, self._cpu = perf_counter(), process_time()

    def note(self, effects: int) -> None:
        """Count effects."""
        self.left -= effects
        if not self.left:
            self._done()

    def read(self) -> Sample:
        """Return the rate until now."""
        spent, burnt = perf_counter() - self._began, process_time() - self._cpu
        return Sample(self._messages / spent, burnt / self._messages * 1e6)


class WatchedSource(KafkaSource):
    """A source that reads the clock before it leaves the group, which takes its time."""

    found: Sample

    def receive(self, *, limit: int, seconds: float) -> list[Received]:
        """Let the clock run from the first message on."""
        received = super().receive(limit=limit, seconds=seconds)
        if received:
            Watch.current.begin()
        return received

    def close(self) -> None:
        """Read the clock, then leave."""
        self.found = Watch.current.read()
        super().close()


def keep(event: UserCreated, _event_id: UUID) -> None:
    """Have an effect of one row."""
    with connection.cursor() as cursor:
        cursor.execute("insert into bench_effect values (%s)", [event.user_id])
    Watch.current.note(1)


def keep_all(heard: Sequence[Heard[UserCreated]]) -> None:
    """Have an effect of one row for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into bench_effect select * from unnest(%s::uuid[])",
            [[one.event.user_id for one in heard]],
        )
    Watch.current.note(len(heard))


def _consume(topic: str, messages: int, handle: HandlerOfMany[Any]) -> Sample:
    _forget()
    source, stop = _source(topic), Stop()
    handling = Handling(name="bench", handle=handle, in_batches=True)
    consuming._handlings[CONSUMER] = {UserCreated.type: handling}
    Watch(messages, stop.ask)
    Consumer(consumer=CONSUMER, source=source, stop=stop, worker="bench").run()
    _assert_applied(messages)
    return source.found


def _singly(topic: str, messages: int) -> Sample:
    _forget()
    source = _source(topic)
    watch = Watch(messages, lambda: None)
    while watch.left:
        for received in source.receive(limit=BATCH, seconds=1):
            envelope = from_bytes(received.payload)
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(INBOX, [CONSUMER, envelope.source, envelope.event_id])
                if cursor.rowcount and isinstance(envelope.event, UserCreated):
                    keep(envelope.event, envelope.event_id)
            source.done(received)
    source.close()
    _assert_applied(messages)
    return source.found


def _source(topic: str) -> WatchedSource:
    return WatchedSource(group=f"bench-{uuid4()}", topics=[topic])


def _publish(topic: str, messages: int) -> None:
    new = NewTopic(topic, num_partitions=settings.KAFKA_PARTITIONS)
    admin = _admin()
    admin.create_topics([new])[topic].result(30)
    people = [uuid4() for _ in range(messages)]
    raw = Raw()
    raw.send(topic, [(str(one).encode(), payload_of(uuid4(), one)) for one in people])
    assert raw.acknowledged == messages


def _remove(topic: str) -> None:
    admin = _admin()
    admin.delete_topics([topic])[topic].result(30)
    with connection.cursor() as cursor:
        cursor.execute("drop table bench_effect")
        cursor.execute("truncate outbox_inbox")


def _admin() -> AdminClient:
    return AdminClient({**settings.KAFKA})


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("truncate outbox_inbox, bench_effect")


def _assert_applied(messages: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from outbox_inbox),"
            " (select count(*) from bench_effect)"
        )
        assert cursor.fetchone() == (messages, messages)


INBOX = """
insert into outbox_inbox (consumer, source, event_id) values (%s, %s, %s)
on conflict do nothing
"""
