"""How quickly one relay empties the outbox, beside what its two halves could do alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil
from uuid import uuid4

from django.conf import settings
from django.db import connection

from outbox import backlog
from outbox.kafka.publisher import KafkaPublisher
from outbox.leases import Leases
from outbox.relay import Relay
from tests.bench.brokers import Raw, broker, end_of_log
from tests.bench.figures import Result, Rounds, Sample, Say, interleaved, timed
from tests.bench.peering import present
from tests.bench.samples import TOPIC, fill, own_connection, payload_of

SQL = "PostgreSQL alone: claim and delete"
MOVE = "PostgreSQL alone: read, move to the archive, as the relay does"
CLIENT = "librdkafka alone, a callback per message"
RELAY = "OpenCore's relay: read, send, acknowledged, moved"

Ways = Mapping[str, Callable[[], Sample]]


def measure(
    *,
    events: int,
    rounds: int,
    brokers: Sequence[str],
    peers: Sequence[str],
    peer_seconds: int,
    say: Say,
) -> Result:
    """Measure against each broker, beside peers; after the first, beside the best."""
    result, wanted = Result(), list(peers)
    for name in brokers:
        with broker(name, TOPIC):
            found, remarks = present(wanted, say)
            ways = {
                peer.what: partial(peer.drain, events=events, seconds=peer_seconds)
                for peer in found
            }
            rates = _measure(f"drain, {name}", events, rounds, ways, say)
        best = max(found, key=lambda peer: rates.middle(peer.what), default=None)
        wanted = [best.name] if best else []
        goals = [rates.at_least(0.7, RELAY, of=SQL)]
        if best:
            goals.append(rates.at_least(50, RELAY, of=best.what))
        result += Result(rates.figures(), goals, remarks)
    return result


def _measure(bench: str, events: int, rounds: int, peers: Ways, say: Say) -> Rounds:
    ways = {
        SQL: lambda: _claim_and_delete(events),
        CLIENT: lambda: _produce(events),
        MOVE: lambda: _move(events),
        RELAY: lambda: drain(events),
    }
    return interleaved(
        bench, {**ways, **peers}, rounds=rounds, unit="events/s", say=say
    )


def drain(events: int) -> Sample:
    """Fill the outbox, and let one relay empty it."""
    fill(events)
    before = end_of_log(TOPIC)
    with own_connection() as own:
        publisher = KafkaPublisher()
        publisher.probe()
        relay = Relay(connection=own, publisher=publisher, name="bench")
        relay.take_lanes()

        def empty() -> None:
            while relay.relay_batch().sent:
                pass

        found = timed(events, empty)
        relay.give_back_lanes()
        publisher.close()
    _assert_moved(events)
    # A figure that counts what Kafka does not have would be worth nothing.
    assert end_of_log(TOPIC) - before == events
    return found


def _produce(events: int) -> Sample:
    raw = Raw()
    people = [uuid4() for _ in range(events)]
    messages = [(str(one).encode(), payload_of(uuid4(), one)) for one in people]
    found = timed(events, lambda: raw.send(TOPIC, messages))
    assert raw.acknowledged == events
    return found


def _claim_and_delete(events: int) -> Sample:
    fill(events)
    with own_connection() as own:

        def empty() -> None:
            while own.execute(CLAIM, [settings.OUTBOX_BATCH_ROWS]).fetchall():
                pass

        return timed(events, empty)


def _move(events: int) -> Sample:
    fill(events)
    with own_connection() as own:
        leases = Leases(own, owner="bench")
        leases.acquire()
        wanted = {
            "lanes": leases.lanes,
            "low": [0] * len(leases.lanes),
            "sent": "{}",
            "limit": settings.OUTBOX_BATCH_ROWS,
            "share": ceil(settings.OUTBOX_BATCH_ROWS / len(leases.lanes)),
        }
        fence = {
            "owned": leases.lanes,
            "epochs": list(leases.epochs.values()),
            "scope": backlog.RELAY,
            "topics": [TOPIC],
        }

        def empty() -> None:
            with own.cursor(binary=True) as cursor:
                while rows := cursor.execute(backlog.DUE, wanted).fetchall():
                    own.execute(
                        backlog.DELIVERED,
                        {**fence, **backlog.places_of(row[:2] for row in rows)},
                    )

        found = timed(events, empty)
        leases.release()
    _assert_moved(events)
    return found


def _assert_moved(events: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from outbox_event),"
            " (select count(*) from outbox_archive)"
        )
        assert cursor.fetchone() == (0, events)


CLAIM = """
delete from outbox_event where (lane, id) in (
    select lane, id from outbox_event order by lane, id
    limit %s for update skip locked)
returning topic, key, payload, event_id, type, request_id, occurred_at
"""
