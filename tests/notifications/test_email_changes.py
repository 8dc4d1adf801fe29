"""People who moved to another address are told at the one of before, and found anew."""

from uuid import UUID, uuid4

import pytest

from notifications.errors import RecipientUnknown
from notifications.models import Delivery, Notification, Recipient
from opencore.events.user.v1 import AccountLocked, UserCreated, UserEmailChanged
from tests import hearing
from tests.notifications.conftest import NOW

pytestmark = pytest.mark.django_db

OLD, NEW = "ada@example.com", "augusta@example.com"


def hear(event: UserCreated | UserEmailChanged | AccountLocked) -> None:
    """Let notifications hear of it twice, past the inbox that would stop the second."""
    event_id = uuid4()
    for _ in range(2):
        hearing.hear("notifications", event, event_id=event_id)


def moved(ada: UUID, email: str, version: int) -> UserEmailChanged:
    """Return what accounts tells when somebody has another address."""
    return UserEmailChanged(user_id=ada, email=email, version=version)


def mailed(kind: str) -> list[str]:
    """Return where mail of a kind went."""
    mail = Delivery.objects.filter(type=kind).order_by("created_at")
    return list(mail.values_list("address", flat=True))


def test_the_address_of_before_is_told_once(ada: UUID) -> None:
    hear(UserCreated(user_id=ada, email=OLD))

    hear(moved(ada, NEW, 2))

    assert mailed("email_changed") == [OLD]
    assert NEW not in Delivery.objects.get(type="email_changed").body
    assert Notification.objects.filter(type="email_changed").count() == 1


def test_all_that_comes_later_goes_to_the_new_address(ada: UUID) -> None:
    hear(UserCreated(user_id=ada, email=OLD))
    hear(moved(ada, NEW, 2))

    hear(AccountLocked(user_id=ada, locked_until=NOW))

    assert mailed("account_locked") == [NEW]


def test_what_is_older_than_what_was_heard_changes_nothing(ada: UUID) -> None:
    hear(UserCreated(user_id=ada, email=OLD))
    hear(moved(ada, NEW, 4))

    hear(moved(ada, "between@example.com", 3))

    assert Recipient.objects.get(user_id=ada).email == NEW
    assert mailed("email_changed") == [OLD]


def test_waits_for_whom_nobody_has_heard_of(ada: UUID) -> None:
    with pytest.raises(RecipientUnknown):
        hear(moved(ada, NEW, 2))
