"""`manage.py seed`: somebody to play with on a local system, and nowhere else."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import (
    AuditEntry,
    Authenticator,
    Membership,
    Organization,
    User,
)
from accounts.services import prove_operator
from opencore.events.org.v1 import MemberAdded, OrgCreated
from opencore.events.user.v1 import AuthenticatorAdded, UserCreated
from tests.accounts.conftest import Emitted

pytestmark = pytest.mark.django_db


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Path:
    """The directory of a local system's files."""
    settings.PROFILE = "local"
    settings.LOCAL_DIR = tmp_path / "local"
    return tmp_path / "local"


def seed(*arguments: str) -> list[str]:
    """Run the command; return the lines that it said."""
    out = StringIO()
    call_command("seed", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.usefixtures("local")
def test_makes_a_person_her_organization_and_an_operator(emitted: Emitted) -> None:
    lines = seed()

    ada = User.objects.get(email="ada@example.com")
    operator = User.objects.get(email="operator@example.com")
    acme = Organization.objects.get()
    membership = Membership.objects.get()
    assert lines[-1] == (
        "3 made (ada@example.com, Acme, operator@example.com); 0 were there already."
    )
    assert User.objects.count() == 2
    assert (ada.role, ada.has_usable_password()) == ("user", False)
    assert (operator.role, operator.is_staff) == ("operator", True)
    assert (acme.name, acme.created_by) == ("Acme", ada.id)
    assert (membership.user, membership.role) == (ada, "owner")
    assert emitted() == [
        UserCreated(user_id=ada.id, email=ada.email),
        OrgCreated(org_id=acme.id, name="Acme", created_by=ada.id, slug="acme"),
        MemberAdded(org_id=acme.id, user_id=ada.id, role="owner"),
        UserCreated(user_id=operator.id, email=operator.email),
        AuthenticatorAdded(
            user_id=operator.id, authenticator_id=Authenticator.objects.get().id
        ),
    ]


def test_says_the_operators_password_and_keeps_it_to_this_account(
    local: Path,
) -> None:
    lines = seed()

    path = local / "operator-password"
    password = path.read_text("utf-8").strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert lines[0] == (
        "The operator operator@example.com signs in at /admin/ with the password in"
        f" {path}: {password}, then the code that is mailed, then the one of"
        " `manage.py operator_code`"
    )
    assert User.objects.get(role="operator").check_password(password)


def test_a_second_time_makes_nothing(local: Path, emitted: Emitted) -> None:
    seed()
    password = (local / "operator-password").read_text("utf-8")
    before, recorded = emitted(), AuditEntry.objects.count()

    lines = seed()

    assert lines[-1] == "0 made; 3 were there already."
    assert (local / "operator-password").read_text("utf-8") == password
    assert User.objects.get(role="operator").check_password(password.strip())
    assert (User.objects.count(), Organization.objects.count()) == (2, 1)
    assert (emitted(), AuditEntry.objects.count()) == (before, recorded)


def test_a_dry_run_says_what_is_missing_and_makes_nothing(
    local: Path, emitted: Emitted
) -> None:
    lines = seed("--dry-run")

    assert lines == [
        "3 would be made (ada@example.com, Acme, operator@example.com);"
        " 0 were there already."
    ]
    assert (User.objects.count(), Organization.objects.count()) == (0, 0)
    assert (emitted(), AuditEntry.objects.count()) == ([], 0)
    assert not local.exists()


def test_a_password_that_nobody_knows_any_more_is_made_anew(local: Path) -> None:
    seed()
    path = local / "operator-password"
    forgotten = path.read_text("utf-8").strip()
    path.unlink()

    lines = seed()

    password = path.read_text("utf-8").strip()
    operator = User.objects.get(role="operator")
    assert lines[-1] == "1 made (operator@example.com); 2 were there already."
    assert operator.check_password(password)
    assert not operator.check_password(forgotten)


def test_the_operators_phone_shows_the_code_that_is_good_now(local: Path) -> None:
    seed()
    said = StringIO()

    call_command("operator_code", stdout=said)

    operator = User.objects.get(role="operator")
    assert (local / "operator-secret").stat().st_mode & 0o777 == 0o600
    prove_operator(user=operator, code=said.getvalue().strip(), now=timezone.now())


def test_a_phone_that_nobody_has_any_more_is_made_anew(local: Path) -> None:
    seed()
    (local / "operator-secret").unlink()

    seed()

    assert Authenticator.objects.count() == 1
    assert (local / "operator-secret").exists()


def test_elsewhere_nobodys_phone_is_known(local: Path, settings: Settings) -> None:
    seed()
    settings.PROFILE = "production"

    with pytest.raises(CommandError, match="local system"):
        call_command("operator_code")


@pytest.mark.usefixtures("local")
def test_a_person_who_signed_in_before_gets_the_organization(ada: User) -> None:
    lines = seed()

    assert lines[-1] == ("2 made (Acme, operator@example.com); 1 were there already.")
    assert Organization.objects.get().created_by == ada.id


@pytest.mark.parametrize("profile", ["test", "base", "production", ""])
@pytest.mark.parametrize("arguments", [(), ("--dry-run",)], ids=["for real", "dry"])
def test_makes_up_nobody_elsewhere(
    local: Path, settings: Settings, profile: str, arguments: tuple[str, ...]
) -> None:
    settings.PROFILE = profile

    with pytest.raises(CommandError, match="it runs only locally"):
        seed(*arguments)

    assert User.objects.count() == 0
    assert not local.exists()
