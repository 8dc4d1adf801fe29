"""Whatever is kept of a person is given to them and forgotten, or says why not."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models

from opencore.privacy import registered
from tests.architecture.code import PRODUCT

# Names of fields by which a row is somebody's, or says something of them.
PERSONAL = {
    *("user_id", "person_id", "actor_id", "on_behalf_of", "email", "address", "ip"),
    *("user_agent", "principal", "payload"),
}
# What a person is not given, and why.
NOT_EXPORTED = {
    "accounts.AddressLock": "holds a keyed hash of an address, and is somebody's guess",
    "accounts.File": "is the copy itself",
    "gateway_proxy.TableVersion": "is about who runs the deployment, as its record",
    "opencore.IdempotencyKey": "repeats answers, for a day",
    "outbox.ArchivedEvent": "repeats what the apps export",
    "outbox.DeadLetter": "repeats what the apps export",
    "outbox.OutboxEvent": "repeats what the apps export",
    "outbox.ParkedMessage": "repeats what the apps export",
}
# What an erasure leaves, and why.
NOT_ERASED = {
    "accounts.AddressLock": "holds a keyed hash of an address, until its lock is over",
    "accounts.AuditEntry": "names people by id alone; nobody can change the record",
    "accounts.DataRequest": "proves that the erasure was asked for, and done",
    "accounts.Impersonation": "names people by id alone; tells what staff did",
    "billing.Payment": "is kept by tax law; names people by id alone",
    "billing.Subscription": "is kept by tax law; names people by id alone",
    "gateway_proxy.TableVersion": "is about who runs the deployment, as its record",
    "outbox.ArchivedEvent": "is dropped by day after OUTBOX_ARCHIVE_DAYS",
    "outbox.OutboxEvent": "never changes while it waits, and must arrive",
}


def personal_fields(model: type[models.Model]) -> Iterator[str]:
    """Yield the fields of a model by which it is about a person."""
    for field in model._meta.get_fields():
        if not isinstance(field, models.Field):
            continue
        target = field.related_model if field.is_relation else None
        points = getattr(target, "_meta", None)
        is_user = points is not None and points.label == "accounts.User"
        if is_user or field.attname in PERSONAL or isinstance(field, models.EmailField):
            yield field.name


ABOUT_PEOPLE = {
    model._meta.label
    for model in apps.get_models()
    if model._meta.app_label in PRODUCT and list(personal_fields(model))
}
EXPORTED = frozenset().union(
    *(parts.exporter.exported for parts in registered().values() if parts.exporter)
)
ERASED = frozenset().union(*(parts.eraser.erased for parts in registered().values()))


def test_there_are_models_about_people() -> None:
    assert {"accounts.User", "billing.Customer"} <= ABOUT_PEOPLE


@pytest.mark.parametrize(
    ("done", "not_done"),
    [(EXPORTED, NOT_EXPORTED), (ERASED, NOT_ERASED)],
    ids=["exported", "erased"],
)
def test_what_is_about_people_is_in_a_registry_or_has_a_reason(
    done: frozenset[str], not_done: dict[str, str]
) -> None:
    assert ABOUT_PEOPLE - done - not_done.keys() == set()


@pytest.mark.parametrize(
    ("done", "not_done"),
    [(EXPORTED, NOT_EXPORTED), (ERASED, NOT_ERASED)],
    ids=["exported", "erased"],
)
def test_no_reason_is_given_for_what_is_done(
    done: frozenset[str], not_done: dict[str, str]
) -> None:
    assert done & not_done.keys() == set()
    assert {apps.get_model(label)._meta.label for label in not_done} == set(not_done)
