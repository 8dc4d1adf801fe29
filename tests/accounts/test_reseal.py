"""`manage.py reseal`: an old key can be dropped, and phones go on."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import Authenticator, User
from opencore.sealing import unseal
from tests.accounts.phone import Phone, phone_of

pytestmark = pytest.mark.django_db

NEW = Fernet.generate_key().decode()


@pytest.fixture
def phone(ada: User, settings: Settings) -> Phone:
    """A phone whose secret was sealed before there was a newer key."""
    phone = phone_of(ada)
    settings.SEALING_KEYS = [NEW, *settings.SEALING_KEYS]
    return phone


def reseal(*arguments: str) -> str:
    out = StringIO()
    call_command("reseal", *arguments, stdout=out)
    return out.getvalue()


def test_afterwards_the_new_key_alone_opens_it(
    phone: Phone, settings: Settings
) -> None:
    said = reseal()

    settings.SEALING_KEYS = [NEW]
    assert said == "1 were sealed anew, under the first key.\n"
    assert unseal(Authenticator.objects.get().sealed_secret) == phone.secret


def test_a_dry_run_changes_nothing(phone: Phone) -> None:
    before = Authenticator.objects.get().sealed_secret

    said = reseal("--dry-run")

    assert said == "Nothing was changed; 1 would be sealed anew.\n"
    assert Authenticator.objects.get().sealed_secret == before


def test_a_key_that_was_dropped_too_early_is_asked_for(
    phone: Phone, settings: Settings
) -> None:
    settings.SEALING_KEYS = [NEW]

    with pytest.raises(CommandError, match="not in SEALING_KEYS any more"):
        reseal()
