"""The list of the outbox's metrics; page, alerts and board know no other of it."""

from opencore.metrics.listing import Metric

LATENCY = "outbox_publish_latency_seconds"
LATENCY_BOUNDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
    *(300.0, float("inf")),
)
# The label under which the sum of all latencies is kept, beside the buckets.
SUM = "sum"


METRICS = (
    Metric("outbox_up", "gauge", "Whether PostgreSQL answered; if not, nothing else."),
    Metric("outbox_pending", "gauge", "Events that Kafka has not acknowledged."),
    Metric(
        "outbox_oldest_pending_age_seconds",
        "gauge",
        "Since when the oldest event waits.",
    ),
    Metric("outbox_held_keys", "gauge", "Keys whose events wait.", ("scope",)),
    Metric(
        "outbox_held_longest_seconds",
        "gauge",
        "Since when the key waits that waits longest.",
        ("scope",),
    ),
    Metric("inbox_parked", "gauge", "Messages parked behind a failure.", ("consumer",)),
    Metric(
        "inbox_parked_longest_seconds",
        "gauge",
        "Since when the message is parked that is parked longest.",
        ("consumer",),
    ),
    Metric(
        "outbox_dead_letters",
        "gauge",
        "Dead letters that wait for a decision.",
        ("scope", "type", "reason"),
    ),
    Metric(
        "outbox_topic_paused_seconds",
        "gauge",
        "Since when nothing is sent to a topic.",
        ("topic",),
    ),
    Metric("outbox_lanes_unleased", "gauge", "Lanes that no relay serves."),
    Metric(
        "outbox_stray_lanes",
        "gauge",
        "Lanes with events that no relay may serve; OUTBOX_LANES is too small.",
    ),
    Metric(
        "outbox_xmin_age_seconds",
        "gauge",
        "Age of the oldest transaction, behind which deleted rows stay.",
    ),
    Metric("outbox_dead_tuples", "gauge", "Deleted rows not yet cleared away."),
    Metric(
        "replay_unattended_seconds",
        "gauge",
        "Since when the oldest decided replay waits for a worker.",
    ),
    Metric(
        "replay_events_total",
        "counter",
        "Dead letters that replays decided.",
        ("action", "outcome"),
    ),
    Metric("outbox_published_total", "counter", "Events that Kafka acknowledged."),
    Metric(
        "outbox_attempts_total",
        "counter",
        "Attempts that failed for the event's own sake.",
        ("outcome",),
    ),
    Metric(
        "outbox_lease_lost_total",
        "counter",
        "Times that a relay's lanes went to another; the fence refused its record.",
    ),
    Metric(
        "outbox_kafka_waits_total", "counter", "Times that relays waited for Kafka."
    ),
    Metric(LATENCY, "histogram", "From the commit of an event to Kafka's answer."),
    Metric("inbox_handled_total", "counter", "Events handled.", ("consumer",)),
    Metric(
        "inbox_duplicates_total",
        "counter",
        "Events that came again and did nothing.",
        ("consumer",),
    ),
    Metric(
        "inbox_failures_total", "counter", "Times that a handler failed.", ("consumer",)
    ),
)


def bound_name(bound: float) -> str:
    """Return a bucket's bound as Prometheus writes it."""
    return "+Inf" if bound == float("inf") else repr(bound)
