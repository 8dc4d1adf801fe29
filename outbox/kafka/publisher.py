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


class KafkaSending:
    """Messages that a producer has, and what became of each."""

    def __init__(self, publisher: "KafkaPublisher", size: int, *, alone: bool) -> None:
        self._publisher = publisher
        self.alone = alone
        self._outcomes: list[Failure | None] = [UNANSWERED] * size
        self._over = False
        self.unanswered = 0
        self.unharmed = True

    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        """Wait for the answers, and return per message None or why Kafka lacks it.

        `while_waiting` is called twice a second at least; False gives up on the
        answers. After a failure nothing is on its way any more.
        """
        if not self._over:
            self._publisher.finish(self, while_waiting)
        return self._outcomes

    def fail(self, index: int, failure: Failure) -> None:
        """Note that a message was not even handed over."""
        self._outcomes[index] = failure
        self.unharmed = False

    def report(self, index: int, error: KafkaError | None, _message: Message) -> None:
        """Take one answer, from a producer's callback."""
        if self._over:
            return
        self.unanswered -= 1
        if error is None:
            self._outcomes[index] = None
            return
        failure = classify(error)
        if failure.kind is FailureClass.EVENT and not self.alone:
            # Kafka refuses all messages of a request for one of them.
            failure = SUSPECT
        self.fail(index, failure)

    def end(self, instead: Failure = UNANSWERED) -> None:
        """Take no further answers; those that are missing were `instead`."""
        if not self._over:
            self._outcomes = [
                instead if outcome is UNANSWERED else outcome
                for outcome in self._outcomes
            ]
            # What has no answer may not be there: nothing may be sent behind it.
            self.unharmed = all(outcome is None for outcome in self._outcomes)
            self._over = True


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
        self._producer: Producer | None = None
        self._on_their_way: list[KafkaSending] = []
        self._made_in = 0
        self._topics: set[str] = set()

    def send(self, messages: Sequence[Outgoing]) -> KafkaSending:
        """Begin to send all in order, behind what is on its way already.

        No later message of a key overtakes one that fails, of this sending or of one
        before it.
        """
        before = list(self._on_their_way)
        for earlier in [each for each in before if each.alone]:
            # It went through the other producer, where it could be overtaken.
            earlier.wait(while_waiting=lambda: True)
        alone = len(messages) == 1 and not self._on_their_way
        sending = KafkaSending(self, len(messages), alone=alone)
        if not all(earlier.unharmed for earlier in before):
            sending.end(instead=BEHIND)
            return sending
        producer = self._ready_producer(gapless=not alone)
        self._on_their_way.append(sending)
        try:
            self._produce(producer, messages, sending)
        except (KafkaException, SystemError) as error:
            self._fail(producer, error)
        return sending

    def finish(self, sending: KafkaSending, while_waiting: Callable[[], bool]) -> None:
        """Wait for a sending's answers; if one is missing or bad, drop all producers."""
        if self._producer is not None:
            try:
                self._await(self._producer, sending, while_waiting)
            except (KafkaException, SystemError) as error:
                self._fail(self._producer, error)
        if sending.unanswered or not sending.unharmed:
            self.close()
        elif sending in self._on_their_way:
            # It is not there if the producer failed because of the one behind it.
            sending.end()
            self._on_their_way.remove(sending)

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
        self._producer = None
        self._topics = set()
        sendings, self._on_their_way = self._on_their_way, []
        for sending in sendings:
            sending.end()
        if self._made_in == os.getpid():
            for producer in producers.values():
                _drop(producer)

    def _fail(self, producer: Producer, error: Exception) -> None:
        # A fatal error comes as either; the delivery reports come after it.
        log.warning("producer failed", extra={"error": str(error)})
        _collect_reports(producer)
        if _is_gap(error):
            for sending in self._on_their_way:
                sending.end(instead=SUSPECT)
        self.close()

    def _ready_producer(self, *, gapless: bool) -> Producer:
        if self._made_in != os.getpid():
            # A producer that came through fork() never delivers.
            self._producers = {}
            self._on_their_way = []
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
        self._producer = self._producers[gapless]
        return self._producer

    def _produce(
        self, producer: Producer, messages: Sequence[Outgoing], sending: KafkaSending
    ) -> None:
        failed_keys: set[tuple[str, str]] = set()
        for index, message in enumerate(messages):
            if failed_keys and (message.topic, message.key) in failed_keys:
                sending.fail(index, BEHIND)
                continue
            failure = self._produce_one(producer, message, sending, index)
            if failure is not None:
                sending.fail(index, failure)
                failed_keys.add((message.topic, message.key))
            if index % 256 == 0:
                producer.poll(0)

    def _produce_one(
        self, producer: Producer, message: Outgoing, sending: KafkaSending, index: int
    ) -> Failure | None:
        if message.topic not in self._topics:
            failure = self._look_up_topic(producer, message.topic)
            if failure is not None:
                return failure
        give_up = 0.0
        while True:
            try:
                producer.produce(
                    message.topic,
                    message.payload,
                    message.key.encode(),
                    on_delivery=partial(sending.report, index),
                    headers=message.headers(),  # type: ignore[arg-type]  # -- invariant list
                )
            except BufferError:
                give_up = give_up or monotonic() + self._deadline.total_seconds()
                if monotonic() > give_up:
                    return UNANSWERED
                producer.poll(0.1)
            except KafkaException as error:
                return classify(error.args[0])
            else:
                sending.unanswered += 1
                return None

    def _look_up_topic(self, producer: Producer, topic: str) -> Failure | None:
        # Asked once: librdkafka itself would keep the message for seconds, and with it
        # the whole batch.
        error = producer.list_topics(topic, timeout=5).topics[topic].error
        if error is not None:
            return classify(error)
        self._topics.add(topic)
        return None

    def _await(
        self,
        producer: Producer,
        sending: KafkaSending,
        while_waiting: Callable[[], bool],
    ) -> None:
        give_up = monotonic() + self._deadline.total_seconds()
        while sending.unanswered and monotonic() < give_up:
            if self._on_their_way == [sending]:
                producer.flush(0.5)  # sends at once, without lingering
            else:
                producer.poll(0.5)
            if sending.unanswered and not while_waiting():
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
