"""Lets PostgreSQL work while this process does something else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def executing(
    connection: "psycopg.Connection[Any]", statement: str, values: Mapping[str, Any]
) -> Iterator["psycopg.Cursor[Any]"]:
    """Execute a statement while the block runs; its answer is there after the block.

    Its transaction ends when PostgreSQL is done with it, not when somebody asks for the
    answer. If it failed, that is raised after the block; if that is known before, then
    at once, and the block is left out.
    """
    cursor = connection.cursor()
    with connection.pipeline() as pipeline:
        cursor.execute(statement.encode(), values)
        # This commits. The public sync() would do so, too, and wait for the answer.
        pipeline._enqueue_sync()
        connection.wait(pipeline._communicate_gen())
        yield cursor
