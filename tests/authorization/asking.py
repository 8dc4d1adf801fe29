"""Asks for an operation as somebody, and says how it ended."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Any
from uuid import UUID, uuid4

from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import ApiKey, Organization, ServiceAccount, User
from accounts.roles import Permission
from accounts.services.recognizing import PURPOSE
from opencore.api_keys import new_key_text
from opencore.hashing import lookup_hash
from opencore.tokens import mint_access
from tests.api import body_of
from tests.authorization.callers import HOLDERS, Caller
from tests.authorization.entry import Entry
from tests.authorization.things import filled_in, named, session_of
from tests.authorization.world import PLATFORM_ROLES, World

Deed = Callable[[], HttpResponseBase]
# What refuses somebody for who they are; all else is said to who was let through.
DOOR = frozenset(
    {
        *("unauthenticated", "token_invalid", "forbidden", "not_found"),
        *("step_up_required", "membership_suspended", "organization_suspended"),
        "read_only_session",
    }
)


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody proved who they are, just now."""

    authenticated_at: Any
    assurance: int = 2
    methods: tuple[str, ...] = ("otp", "mfa")
    impersonator_id: UUID | None = None
    read_only: bool = False


@cache
def described() -> Any:  # noqa: ANN401 -- JSON is any value
    """Return the description of the API."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out


@cache
def operations() -> dict[str, tuple[str, str]]:
    """Return the method and path of every operation that the API describes."""
    return {
        operation["operationId"]: (method, path)
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
    }


def ask(world: World, entry: Entry, caller: Caller) -> HttpResponseBase:
    """Return the answer to a good request for the operation."""
    return prepared(world, entry, caller)()


def prepared(
    world: World,
    entry: Entry,
    caller: Caller,
    *,
    theirs: tuple[User, Organization] | None = None,
) -> Deed:
    """Make all that a good request for the operation names; return what sends it.

    What the path names besides the organization may be somebody else's, and elsewhere.
    """
    organization = world.hooli if caller.at_hooli else world.acme
    person = world.people[caller.person or "bystander"]

    def name(thing: str) -> str:
        return named(thing, world, person, organization)

    def place(match: re.Match[str]) -> str:
        wanted = match[1]
        if wanted == "organization_id":
            return str(organization.id)
        return named(entry.path[wanted], world, *(theirs or (person, organization)))

    method, path = operations()[entry.operation]
    path = re.sub(r"\{(\w+)\}", place, path)
    body = filled_in(entry.body, name)
    client = _client(world, entry, caller, person)
    return partial(send, method, path, body, client=client)


def send(
    method: str, path: str, body: object, *, client: APIClient
) -> HttpResponseBase:
    """Send a request from an address that nobody counted yet."""
    network = 0x20010DB8 << 96 | uuid4().time_low << 64
    return client.generic(
        method.upper(),
        path,
        "" if body is None else json.dumps(body),
        content_type="application/json",
        REMOTE_ADDR=str(IPv6Address(network + 1)),
        HTTP_IDEMPOTENCY_KEY=uuid4().hex,
        HTTP_IF_MATCH="*",
    )


def verdict(entry: Entry, response: HttpResponseBase) -> str | None:
    """Return the code of the problem that kept somebody out; None if let through."""
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return None
    code = str(body_of(response)["code"])
    if code in DOOR or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return code
    harmless = status == HTTPStatus.CONFLICT or entry.needs == "anybody"
    return None if harmless else code


def _client(world: World, entry: Entry, caller: Caller, person: User) -> APIClient:
    client = APIClient()
    if caller.key is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {_key(world, entry, caller)}")
    elif caller.person is not None:
        token = token_of(caller, person)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def token_of(caller: Caller, person: User) -> str:
    """Return an access token of a person."""
    now = timezone.now()
    proof = Proof(now) if caller.fresh else None
    if caller.acting is not None:
        proof = Proof(
            now, impersonator_id=uuid4(), read_only=caller.acting == "reading"
        )
    return mint_access(
        user_id=person.id,
        session_id=session_of(person).id,
        role=PLATFORM_ROLES.get(caller.person or "", "user"),
        now=now,
        proof=proof,
    )


def _key(world: World, entry: Entry, caller: Caller) -> str:
    """Return the text of a real key; of those that nobody could make, too."""
    wanted = {entry.needs} if isinstance(entry.needs, Permission) else set()
    # Who may do something in an organization may know of it.
    scopes = {*wanted, Permission.ORG_READ}
    if caller.key == "without the scope":
        scopes = set(Permission) - wanted
    elsewhere = caller.key == "of another organization"
    organization: Organization = world.globex if elsewhere else world.acme
    holder = HOLDERS.get(caller.key)
    return new_key(
        organization,
        world.people[holder] if holder else world.programs[organization.name],
        scopes=scopes,
    )


def new_key(
    organization: Organization,
    holder: User | ServiceAccount,
    *,
    scopes: Iterable[Permission],
) -> str:
    """Return the text of a new key of somebody's or of a program."""
    made = new_key_text()
    ApiKey.objects.create(
        organization=organization,
        service_account=holder if isinstance(holder, ServiceAccount) else None,
        user=holder if isinstance(holder, User) else None,
        name="a test",
        prefix=made.prefix,
        secret_hmac=lookup_hash(made.text, purpose=PURPOSE),
        scopes=[str(scope) for scope in scopes],
        created_by=organization.created_by,
    )
    return made.text
