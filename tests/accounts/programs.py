"""A program of an organization, with a real API key, and what it can ask."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.test import Client

from accounts.models import ApiKey, Organization, ServiceAccount, User
from accounts.roles import SCOPES, Role
from accounts.services import KeyWanted, NewKey, create_api_key, create_service_account
from tests.accounts.memberships import ORGS

ALL = tuple(scope.value for scope in SCOPES)


def at(organization: Organization) -> str:
    """Return where an organization is."""
    return f"{ORGS}/{organization.id}"


def keys_of(organization: Organization) -> str:
    """Return where the API keys of an organization are."""
    return f"{at(organization)}/api-keys"


def accounts_of(organization: Organization) -> str:
    """Return where the service accounts of an organization are."""
    return f"{at(organization)}/service-accounts"


def robot_of(
    organization: Organization, maker: User, role: Role = Role.ADMIN, name: str = "ci"
) -> ServiceAccount:
    """Make a service account."""
    return create_service_account(
        organization_id=organization.id, name=name, role=role, actor_id=maker.id
    )


def key_for(
    organization: Organization,
    maker: User,
    account: ServiceAccount | None = None,
    *,
    scopes: tuple[str, ...] = ALL,
    networks: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key of a service account, or of its maker."""
    return create_api_key(
        organization_id=organization.id,
        wanted=KeyWanted(
            name="deploy",
            scopes=scopes,
            networks=networks,
            service_account_id=None if account is None else account.id,
            expires_at=expires_at,
        ),
        allowed=frozenset(ALL),
        actor_id=maker.id,
    )


def stored(key_id: UUID | str) -> ApiKey:
    """Return a key as the database has it now."""
    return ApiKey.objects.get(id=key_id)


@dataclass(frozen=True)
class Program:
    """What a program can ask of the API."""

    text: str
    peer: str = "192.0.2.7"
    forwarded: str | None = None

    def get(self, path: str) -> HttpResponseBase:
        return self.ask("GET", path)

    def post(self, path: str, body: object, **headers: str) -> HttpResponseBase:
        return self.ask("POST", path, body, **headers)

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> HttpResponseBase:
        said = {"Authorization": f"Bearer {self.text}", **headers}
        if self.forwarded is not None:
            said["X-Forwarded-For"] = self.forwarded
        extra: dict[str, Any] = {"REMOTE_ADDR": self.peer}
        return Client().generic(
            method,
            path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=said,
            **extra,
        )
