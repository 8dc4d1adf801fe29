"""A relay's own connection plans its reads in the way that keeps their order."""

import json

import pytest

from outbox.backlog import DUE, DUE_SHARES
from outbox.connecting import open_connection

pytestmark = pytest.mark.django_db(transaction=True)

# What makes PostgreSQL share the work of a read as soon as it may.
CHEAP = {
    "parallel_setup_cost": 0,
    "parallel_tuple_cost": 0,
    "min_parallel_table_scan_size": 0,
    "min_parallel_index_scan_size": 0,
    "debug_parallel_query": "on",
}
BATCH = {
    "lanes": list(range(16)),
    "low": [0] * 16,
    "share": 125,
    "limit": 2000,
    "sent": "{}",
}


def plan(statement: str, *, shared: bool) -> str:
    with open_connection(application_name="test") as own:
        for name, value in CHEAP.items():
            own.execute(f"set {name} = {value}")
        if shared:
            own.execute("set max_parallel_workers_per_gather = 2")
        row = own.execute(f"explain (format json) {statement}", BATCH).fetchone()
    assert row is not None
    return json.dumps(row[0])


@pytest.mark.parametrize("statement", [DUE_SHARES, DUE], ids=["shares", "all"])
def test_a_read_is_never_shared_among_processes_which_would_mix_its_order(
    statement: str,
) -> None:
    assert "Gather" not in plan(statement, shared=False)
    # Were it let, PostgreSQL would.
    assert "Gather" in plan(statement, shared=True)
