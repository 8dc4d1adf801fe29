"""Who asks while requests are made up: somebody who finds what there is.

Made-up ids name nothing. So half of the requests name things that there are, which the
entries of tests/authorization know how to make.
"""

from random import Random
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from schemathesis.auths import AuthContext, AuthProvider
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.case import Case
from schemathesis.generation.meta import TestPhase

from accounts.models import Organization, User
from accounts.roles import Role
from opencore.errors import DomainError
from opencore.tokens import mint_access
from tests.authorization.asking import Proof
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.things import filled_in, named, session_of
from tests.authorization.world import PLATFORM_ROLES, World, join

ENTRIES = {entry.operation: entry for entry in all_entries()}


class Fuzzer:
    """Somebody who asks, or nobody."""

    def __init__(self, world: World, name: str | None, *, seed: int) -> None:
        self.world = world
        self.person: User | None = None if name is None else world.people[name]
        self._role = PLATFORM_ROLES.get(name or "", "user")
        self._random = Random(seed)  # noqa: S311 -- it is printed, so that it can be repeated
        self._made: dict[str, str] = {}

    def tokens(self) -> type[AuthProvider[str]]:
        """Return what gives each request a session of its own: many end theirs."""
        token = self._token

        class Tokens:
            def get(self, case: Case[Any], context: AuthContext) -> str:
                return token()

            def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {data}"

        return Tokens

    def reach(self, case: Case[Any]) -> None:
        """Let about half of the good requests name what there is."""
        if case.meta is None or case.meta.phase.name == TestPhase.STATEFUL:
            # What follows a link names what was made, and now, not with this key before.
            if "Idempotency-Key" in case.headers:
                case.headers["Idempotency-Key"] = uuid4().hex
            return
        if self._random.random() < 0.5:
            return
        definition = case.operation.definition.raw
        _Reaching(self, ENTRIES[definition["operationId"]], case).name_what_there_is()
        # The engine's threads don't give back their connections.
        connections.close_all()

    def make(self, thing: str, person: User, organization: Organization) -> str:
        """Return the id of a thing, or of one like it where there can be no more."""
        try:
            with transaction.atomic():
                made = named(thing, self.world, person, organization)
        except (IntegrityError, DomainError):
            return self._made.get(thing, str(uuid4()))
        self._made[thing] = made
        return made

    def _token(self) -> str:
        assert self.person is not None
        now = timezone.now()
        token = mint_access(
            user_id=self.person.id,
            session_id=session_of(self.person).id,
            role=self._role,
            now=now,
            proof=Proof(now),
        )
        connections.close_all()
        return token


class _Reaching:
    def __init__(self, fuzzer: Fuzzer, entry: Entry, case: Case[Any]) -> None:
        self._fuzzer, self._entry, self._case = fuzzer, entry, case
        self._person = fuzzer.person or fuzzer.world.people["bystander"]
        self._organization = _organization_of(self._person, fuzzer.world)

    def name_what_there_is(self) -> None:
        """Change what is good about the request, and not what is bad on purpose."""
        if self._is_good(ParameterLocation.PATH):
            self._fill_path()
        if self._is_good(ParameterLocation.HEADER):
            for header, value in (("If-Match", "*"), ("Idempotency-Key", uuid4().hex)):
                if header in self._case.headers:
                    self._case.headers[header] = value
        if self._is_good(ParameterLocation.BODY) and isinstance(self._case.body, dict):
            self._fill_body(self._case.body)

    def _fill_path(self) -> None:
        for parameter in self._case.path_parameters:
            if parameter == "organization_id":
                self._case.path_parameters[parameter] = str(self._organization.id)
            elif parameter in self._entry.path:
                thing = self._entry.path[parameter]
                self._case.path_parameters[parameter] = self._name(thing)

    def _fill_body(self, body: dict[str, Any]) -> None:
        for member, value in (self._entry.body or {}).items():
            if member in body and str(value).startswith("{"):
                body[member] = filled_in(value, self._name)

    def _is_good(self, location: ParameterLocation) -> bool:
        meta = self._case.meta
        return meta is not None and not meta.is_negative_at(location)

    def _name(self, thing: str) -> str:
        return self._fuzzer.make(thing, self._person, self._organization)


def _organization_of(person: User, world: World) -> Organization:
    # A new one each time: some requests delete theirs.
    organization = Organization.objects.create(name="Acme", created_by=person.id)
    bystander = world.people["bystander"]
    join(organization, person, Role.OWNER)
    if person != bystander:
        join(organization, bystander, Role.MEMBER)
    return organization
