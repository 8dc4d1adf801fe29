"""All rows of all tables, and which columns of them are different later."""

import json
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Field, Model

Rows = dict[tuple[str, str], dict[str, Any]]
# The first two are long and written by no request, the last one remembers answers.
LEFT_OUT = {"auth_permission", "django_content_type", "opencore_idempotencykey"}


def models() -> list[type[Model]]:
    """Return all models that have a table."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table not in LEFT_OUT
    ]


def fields() -> dict[str, object]:
    """Return the name of every field of every model, with a value of its kind."""
    found = [
        field
        for model in models()
        for field in model._meta.get_fields()
        if isinstance(field, Field)
    ]
    return {
        name: _value(field) for field in found for name in (field.name, field.attname)
    }


def all_rows() -> Rows:
    """Return all rows, by their table and key."""
    each = [_select(model) for model in models()]
    with connection.cursor() as cursor:
        cursor.execute(" union all ".join(each))
        return {(table, key): json.loads(row) for table, key, row in cursor.fetchall()}


def difference(before: Rows, after: Rows) -> set[tuple[str, str]]:
    """Return the columns that differ, by table; + and - stand for whole rows."""
    changed = {
        (key[0], column)
        for key in before.keys() & after.keys()
        for column, value in after[key].items()
        if before[key].get(column) != value
    }
    added = {(table, "+") for table, _ in after.keys() - before.keys()}
    removed = {(table, "-") for table, _ in before.keys() - after.keys()}
    return changed | added | removed


def _select(model: type[Model]) -> str:
    table = model._meta.db_table
    key = ", ".join(f"t.{field.column}" for field in model._meta.pk_fields)
    return f"select '{table}', concat_ws(' ', {key}), to_jsonb(t)::text from {table} t"  # noqa: S608 -- names of our own tables


def _value(field: "Field[Any, Any]") -> object:
    kind = field.get_internal_type()
    if kind == "BooleanField":
        return True
    if "Integer" in kind or kind in {"AutoField", "BigAutoField", "FloatField"}:
        return MARKED_NUMBER
    return {"UUIDField": MARKED_ID, "DateTimeField": MARKED_TIME}.get(kind, MARK)


MARK = "mass-assigned"
MARKED_NUMBER = 424_242
MARKED_ID = "4242a551-0000-7000-8000-000000004242"
MARKED_TIME = "2042-04-24T04:24:42+00:00"
MARKS = (MARK, MARKED_ID, MARKED_TIME[:19])
