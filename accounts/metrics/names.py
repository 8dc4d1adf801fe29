"""The list of accounts' metrics; page, alerts and board know no other of it."""

from opencore.metrics.listing import Metric

METRICS = (
    Metric(
        "accounts_audit_unsealed",
        "gauge",
        "Entries of the record that are not sealed yet.",
    ),
    Metric(
        "accounts_audit_unsealed_seconds",
        "gauge",
        "Since when the entry waits for its seal that waits longest.",
    ),
    Metric(
        "accounts_audit_unanchored_seconds",
        "gauge",
        "Since when a seal of the newest thousand was not read back from Kafka.",
    ),
    Metric(
        "accounts_audit_exports_waiting_seconds",
        "gauge",
        "Since when the export waits that waits longest.",
    ),
    Metric(
        "accounts_data_requests_open",
        "gauge",
        "Requests of people for their data or its erasure that are open.",
        ("kind",),
    ),
    Metric(
        "accounts_data_requests_due_seconds",
        "gauge",
        "How long there is until the first open request must be done; none is late"
        " while it is above zero.",
        ("kind",),
    ),
    Metric(
        "accounts_locked_addresses",
        "gauge",
        "Addresses that may not sign in, because their codes were guessed.",
    ),
)
