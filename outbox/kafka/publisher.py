"""Sends messages to Kafka and says of each whether Kafka has it."""

import logging
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.conf import settings

from outbox.failures import Failure, FailureClass
from outbox.kafka.config import client_config
from outbox.relay import Outgoing

log = logging.getLogger(__name__)

# Kafka refuses this message, whoever sends it and whenever.
EVENT_CODES = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT,
        KafkaError.POLICY_VIOLATION,
        KafkaError._BAD_MSG,
        KafkaError._INVALID_ARG,
    }
)
# Kafka refuses everything for this topic.
TOPIC_CODES = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
REPORTS_WITHIN = 2.0
UNANSWERED = Failure(FailureClass.CLUSTER, None, "Kafka gave no answer in time.")
SUSPECT = Failure(FailureClass.SUSPECT, None, "Kafka refused a message of the batch.")
BEHIND = Failure(FailureClass.BEHIND, None, "An earlier event of the key failed.")


def classify(error: KafkaError) -> Failure:
    """Return whose fault it is; what is not known to be an event's is the cluster's."""
    code = error.code()
    if code in EVENT_CODES:
        kind = FailureClass.EVENT
    elif code in TOPIC_CODES:
        kind = FailureClass.TOPIC
    else:
        kind = FailureClass.CLUSTER
    return Failure(kind, code, error.str())


class KafkaPublisher:
    """Idempotent producers that are thrown away after any failure.

    A batch goes through one that librdkafka stops when a message fails for good
    (`enable.gapless.guarantee`), so that no later message of its partition overtakes
    it. That producer can't tell which message it was; one that is sent alone can't be
    overtaken and goes through a producer that can.
    """

    def __init__(self, *, deadline: timedelta | None = None) -> None:
        self._deadline = deadline or settings.OUTBOX_DELIVERY_DEADLINE
        self._producers: dict[bool, Producer] = {}
        self._made_in = 0
        self._topics: set[str] = set()

    def publish(
        self, messages: Sequence[Outgoing], *, while_waiting: Callable[[], bool]
    ) -> list[Failure | None]:
        """Send all in order; return per message None if Kafka has it, else why not.

        `while_waiting` is called about twice a second; False gives up on the answers.
        """
        outcomes: list[Failure | None] = [UNANSWERED] * len(messages)
        give_up = monotonic() + self._deadline.total_seconds()
        producer = self._ready_producer(gapless=len(messages) > 1)
        try:
            self._produce(producer, messages, outcomes, give_up)
            self._await(producer, give_up, while_waiting)
        except (KafkaException, SystemError) as error:
            # A fatal error comes as either; the delivery reports come after it.
            log.warning("producer failed", extra={"error": str(error)})
            _collect_reports(producer)
            if _is_gap(error):
                outcomes = [
                    SUSPECT if outcome is UNANSWERED else outcome
                    for outcome in outcomes
                ]
        if any(outcome is not None for outcome in outcomes):
            self.close()
        return outcomes

    def probe(self) -> bool:
        """Return whether the cluster answers at all."""
        try:
            self._ready_producer(gapless=True).list_topics(timeout=2)
        except (KafkaException, SystemError):
            self.close()
            return False
        return True

    def close(self) -> None:
        """Drop the producers with all that they still wanted to send."""
        producers, self._producers = self._producers, {}
        self._topics = set()
        if self._made_in == os.getpid():
            for producer in producers.values():
                _drop(producer)

    def _ready_producer(self, *, gapless: bool) -> Producer:
        if self._made_in != os.getpid():
            # A producer that came through fork() never delivers.
            self._producers = {}
            self._made_in = os.getpid()
        if gapless not in self._producers:
            self._producers[gapless] = Producer(
                {
                    **client_config(),
                    "client.id": "opencore-relay",
                    "enable.idempotence": True,
                    "enable.gapless.guarantee": gapless,
                    "acks": "all",
                    "partitioner": "murmur2_random",
                    "message.timeout.ms": 0,
                    "request.timeout.ms": 5_000,
                    "topic.metadata.propagation.max.ms": 10_000,
                    "linger.ms": 2,
                    "queue.buffering.max.messages": 200_000,
                }
            )
        return self._producers[gapless]

    def _produce(
        self,
        producer: Producer,
        messages: Sequence[Outgoing],
        outcomes: list[Failure | None],
        give_up: float,
    ) -> None:
        failed_keys: set[tuple[str, str]] = set()
        for index, message in enumerate(messages):
            if (message.topic, message.key) in failed_keys:
                outcomes[index] = BEHIND
                continue
            failure = self._produce_one(producer, message, outcomes, index, give_up)
            if failure is not None:
                outcomes[index] = failure
                failed_keys.add((message.topic, message.key))
            if index % 256 == 0:
                producer.poll(0)

    def _produce_one(
        self,
        producer: Producer,
        message: Outgoing,
        outcomes: list[Failure | None],
        index: int,
        give_up: float,
    ) -> Failure | None:
        failure = self._refused_topic(producer, message.topic)
        if failure is not None:
            return failure
        while True:
            try:
                producer.produce(
                    message.topic,
                    key=message.key.encode(),
                    value=message.payload,
                    headers=[*message.headers()],
                    on_delivery=partial(_report, outcomes, index),
                )
            except BufferError:
                if monotonic() > give_up:
                    return UNANSWERED
                producer.poll(0.1)
            except KafkaException as error:
                return classify(error.args[0])
            else:
                return None

    def _refused_topic(self, producer: Producer, topic: str) -> Failure | None:
        # Asked once: librdkafka itself would keep the message for seconds, and with it
        # the whole batch.
        if topic in self._topics:
            return None
        error = producer.list_topics(topic, timeout=5).topics[topic].error
        if error is not None:
            return classify(error)
        self._topics.add(topic)
        return None

    def _await(
        self, producer: Producer, give_up: float, while_waiting: Callable[[], bool]
    ) -> None:
        while len(producer) and monotonic() < give_up:
            producer.flush(0.5)
            if len(producer) and not while_waiting():
                return


def _drop(producer: Producer) -> None:
    try:
        producer.purge(in_queue=True, in_flight=True, blocking=False)
        producer.flush(0.2)
    except (KafkaException, SystemError) as error:
        log.debug("producer dropped", extra={"error": str(error)})


def _is_gap(error: BaseException) -> bool:
    """Return whether librdkafka stopped because a message was refused for good."""
    while not isinstance(error, KafkaException):
        if error.__cause__ is None:
            return False
        error = error.__cause__
    return bool(error.args[0].code() == KafkaError._GAPLESS_GUARANTEE)


def _collect_reports(producer: Producer) -> None:
    give_up = monotonic() + REPORTS_WITHIN
    while len(producer) and monotonic() < give_up:
        try:
            producer.poll(0.05)
        except (KafkaException, SystemError) as error:
            log.debug("producer failed", extra={"error": str(error)})


def _report(
    outcomes: list[Failure | None],
    index: int,
    error: KafkaError | None,
    _message: Message,
) -> None:
    outcomes[index] = None if error is None else classify(error)
