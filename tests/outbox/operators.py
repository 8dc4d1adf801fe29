"""People at the operators' pages."""

from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User


def sign_in(name: str, *, staff: bool, superuser: bool = False) -> Client:
    """Return the browser of a new person of this name."""
    user = User.objects.create(
        email=f"{name}@example.com",
        role=User.Role.OPERATOR if staff else User.Role.USER,
        is_staff=staff,
        is_superuser=superuser,
    )
    client = Client()
    client.force_login(user)
    return client


def operator_with(*codenames: str) -> Client:
    """Return the browser of ada, an operator who has only these rights."""
    ada = sign_in("ada", staff=True)
    rights = Permission.objects.filter(codename__in=codenames)
    User.objects.get(email="ada@example.com").user_permissions.set(rights)
    return ada


def page(client: Client, path: str) -> str:
    """Return the text of a page of the outbox's admin."""
    response = client.get(f"/admin/outbox/{path}")
    assert response.status_code == 200
    return response.content.decode()
