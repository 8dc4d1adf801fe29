"""Drives faststream-outbox, relaying to Kafka as its documentation shows, tuned."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

from faststream import FastStream  # type: ignore[import-not-found]  # -- in the peer's environment
from faststream.confluent import (  # type: ignore[import-not-found]  # -- as above
    KafkaBroker,
)
from faststream_outbox import (  # type: ignore[import-not-found]  # -- as above
    OutboxBroker,
    make_outbox_table,
)
from sqlalchemy import (  # type: ignore[import-not-found]  # -- as above
    MetaData,
    text,
)
from sqlalchemy.ext.asyncio import (  # type: ignore[import-not-found]  # -- as above
    create_async_engine,
)

from tests.bench.peers import driving

WORLD = driving.world()
QUEUE = "bench"
WORKERS = 32
metadata = MetaData()
table = make_outbox_table(metadata, table_name="outbox")
engine = create_async_engine(
    WORLD.database.replace("postgresql://", "postgresql+asyncpg://"),
    pool_size=WORKERS + 8,
)
outbox = OutboxBroker(engine, outbox_table=table, logger=None)


def drain(events: int, seconds: float) -> None:
    """Fill the table, then run its relay: 32 workers, fetches of 1,000, flushes of 200."""
    asyncio.run(_drain(events, seconds))


def emit(events: int, pairs: int) -> None:
    """Measure what its documented way of telling costs."""
    asyncio.run(_emit(events, pairs))


async def _drain(events: int, seconds: float) -> None:
    kafka = KafkaBroker(
        WORLD.kafka, acks="all", enable_idempotence=True, linger_ms=2, logger=None
    )

    @kafka.publisher(WORLD.topic)  # type: ignore[untyped-decorator]  # -- the peer's types are not here
    @outbox.subscriber(  # type: ignore[untyped-decorator]  # -- as above
        QUEUE,
        max_workers=WORKERS,
        fetch_batch_size=1000,
        terminal_flush_batch_size=200,
        min_fetch_interval=0.001,
        max_fetch_interval=0.1,
    )
    async def relay(body: dict[str, Any]) -> dict[str, Any]:
        return body

    await _fill(events)
    arrived = driving.arrived_in_kafka()
    app = FastStream(outbox, on_startup=[kafka.connect], logger=None)
    driving.watch(arrived, events=events, seconds=seconds)
    await app.run(log_level=logging.ERROR)


async def _fill(events: int) -> None:
    await _make_tables()
    driving.execute("truncate outbox")
    await _write(_telling(1))
    driving.multiply(
        "outbox",
        "queue, payload, headers",
        "queue, payload, headers",
        events=events,
    )


async def _emit(events: int, pairs: int) -> None:
    await _make_tables()
    without, with_events = [], []
    for _ in range(pairs):
        without.append(await _lasts(_nothing))
        with_events.append(await _lasts(_telling(events)))
    driving.answer({"us": (median(with_events) - median(without)) / events * 1e6})


async def _lasts(tell: Callable[[Any], Awaitable[object]]) -> float:
    began = perf_counter()
    await _write(tell)
    return perf_counter() - began


async def _make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    driving.execute("create table if not exists bench_row (id uuid primary key)")


async def _write(tell: Callable[[Any], Awaitable[object]]) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("insert into bench_row values (:id)"), {"id": uuid4()}
        )
        await tell(connection)


async def _nothing(_connection: object) -> None:
    """Tell nobody."""


def _telling(events: int) -> Callable[[Any], Awaitable[object]]:
    if events == 1:
        return lambda connection: outbox.publish(
            WORLD.event, queue=QUEUE, session=connection
        )
    return lambda connection: outbox.publish_batch(
        *[WORLD.event] * events, queue=QUEUE, session=connection
    )


if __name__ == "__main__":
    driving.drive(drain=drain, emit=emit)
