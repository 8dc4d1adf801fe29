"""A relay's own connection to PostgreSQL, outside of Django's pool."""

from typing import Any

import psycopg
from django.db import connection

from opencore.postgresql.deadline import DeadlineConnection

# Longer than a relay is ever silent: a relay that is stopped, not dead, loses its
# connection and with it its advisory locks.
IDLE_SESSION_TIMEOUT = "-c idle_session_timeout=15000"
# What waits changes faster than the planner's statistics: without this it reads the
# whole table to find two thousand rows of it, as soon as it believes it to be small.
BY_INDEX = " ".join(
    f"-c enable_{way}=off"
    for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
)
# So there is one way only, which need not be found anew each time; by one process, for
# what several bring together is in no order.
PLANNED_ONCE = (
    "-c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0"
)


def open_connection(*, application_name: str) -> "psycopg.Connection[Any]":
    """Connect as Django would, in autocommit, with the same deadlines."""
    params = connection.get_connection_params()
    for name in ("context", "cursor_factory", "prepare_threshold"):
        params.pop(name, None)
    own = (params.pop("options", ""), IDLE_SESSION_TIMEOUT, BY_INDEX, PLANNED_ONCE)
    params["application_name"] = application_name
    return DeadlineConnection.connect(
        **params, options=" ".join(own).strip(), autocommit=True
    )
