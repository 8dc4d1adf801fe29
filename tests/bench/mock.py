"""librdkafka's mock cluster in a process of its own: a broker that costs next to nothing.

It keeps about 5 MiB per partition and forgets the rest, so what arrived is counted by
delivery reports and by the ends of its partitions, never by reading it back.
"""

import sys
from pathlib import Path
from types import TracebackType

from confluent_kafka import Producer

from opencore.localservices.parts import PYTHON
from opencore.localservices.process import Child

ROOT = Path(__file__).resolve().parents[2]


class MockKafka:
    """One mock broker that has these topics, as long as the block lasts."""

    def __init__(self, *topics: str) -> None:
        self._topics = topics
        self._child: Child | None = None
        self.url = ""

    def __enter__(self) -> "MockKafka":
        self._child = Child(
            "mock Kafka",
            [PYTHON, "-m", "tests.bench.mock", *self._topics],
            log=ROOT / ".local" / "log" / "mock.log",
            cwd=ROOT,
            pipe=True,
        )
        output = self._child.output
        assert output is not None
        self.url = output.readline().decode().strip()
        assert self.url, "the mock cluster did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.kill()


def serve(topics: list[str]) -> None:
    """Say where the mock cluster is, and hold it until this process is ended."""
    holder = Producer({"test.mock.num.brokers": 1, "log_level": 3})
    for topic in topics:
        # A mock makes the topics that it is asked about, with four partitions.
        holder.list_topics(topic, timeout=10)
    (broker,) = holder.list_topics(timeout=10).brokers.values()
    sys.stdout.write(f"{broker.host}:{broker.port}\n")
    sys.stdout.flush()
    while True:
        holder.poll(3600)


if __name__ == "__main__":
    serve(sys.argv[1:])
