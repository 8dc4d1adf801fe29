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

from accounts.models import Organization, ServiceAccount, User
from accounts.roles import PERMISSIONS, Role
from opencore.errors import DomainError
from opencore.tokens import mint_access
from tests.authorization.asking import Proof, new_key
from tests.authorization.callers import STAFF
from tests.authorization.entries import all_entries
from tests.authorization.entry import Entry
from tests.authorization.things import filled_in, named, session_of
from tests.authorization.world import PLATFORM_ROLES, World, join

ENTRIES = {entry.operation: entry for entry in all_entries()}


class Fuzzer:
    """Nobody, who asks without saying who it is."""

    is_somebody = False

    def __init__(self, world: World, *, seed: int) -> None:
        self.world = world
        # For whom things are made that requests name.
        self.owner = world.people["bystander"]
        self._random = Random(seed)  # noqa: S311 -- it is printed, so that it can be repeated
        self._made: dict[str, str] = {}

    def tokens(self) -> type[AuthProvider[str]]:
        """Return what says with each request who asks."""
        token = self.token

        class Tokens:
            def get(self, case: Case[Any], context: AuthContext) -> str:
                made = token()
                # The engine's threads don't give back their connections.
                connections.close_all()
                return made

            def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {data}"

        return Tokens

    def token(self) -> str:
        """Return what says who asks."""
        raise NotImplementedError

    def may(self, entry: Entry) -> bool:
        """Tell whether an operation may ever do for them what it is for."""
        return entry.needs == "anybody"

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
        connections.close_all()

    def found(self, case: Case[Any]) -> Organization:
        """Return the organization that a request is about."""
        # A new one each time: some requests delete theirs.
        return _found(self.owner, self.world)

    def make(self, thing: str, organization: Organization) -> str:
        """Return the id of a thing, or of one like it where there can be no more."""
        try:
            with transaction.atomic():
                made = named(thing, self.world, self.owner, organization)
        except (IntegrityError, DomainError):
            return self._made.get(thing, str(uuid4()))
        self._made[thing] = made
        return made


class Person(Fuzzer):
    """A person, with a session of its own for each request: many end theirs."""

    is_somebody = True

    def __init__(self, world: World, name: str, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        self.owner = world.people[name]
        self._role = PLATFORM_ROLES.get(name, "user")

    def token(self) -> str:
        """Return the access token of a new session."""
        now = timezone.now()
        return mint_access(
            user_id=self.owner.id,
            session_id=session_of(self.owner).id,
            role=self._role,
            now=now,
            proof=Proof(now),
        )

    def may(self, entry: Entry) -> bool:
        """Tell whether it is not for staff alone, unless they are."""
        return self._role == "operator" or entry.needs not in STAFF


class Program(Fuzzer):
    """A service account with an API key that may do all that its role may."""

    is_somebody = True

    def __init__(self, world: World, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        self.owner = world.people["owner"]
        self._key = self._new_key(world.programs["Acme"])

    def token(self) -> str:
        """Return the key that it has in its organization."""
        return self._key

    def may(self, entry: Entry) -> bool:
        """Tell whether it takes keys, or nothing."""
        return entry.keys or super().may(entry)

    def reach(self, case: Case[Any]) -> None:
        """Name the only organization that there is for it, then what else there is."""
        if "organization_id" in case.path_parameters and is_good(
            case, ParameterLocation.PATH
        ):
            case.path_parameters["organization_id"] = str(self.world.acme.id)
        super().reach(case)

    def found(self, case: Case[Any]) -> Organization:
        """Return a new organization, where the request has a key for it."""
        organization = super().found(case)
        if case.headers.get("Authorization") == f"Bearer {self._key}":
            program = ServiceAccount.objects.create(
                organization=organization,
                name="robot of its own",
                role=Role.ADMIN,
                created_by=self.owner.id,
            )
            case.headers["Authorization"] = f"Bearer {self._new_key(program)}"
        return organization

    def _new_key(self, program: ServiceAccount) -> str:
        return new_key(program.organization, program, scopes=PERMISSIONS[Role.ADMIN])


class _Reaching:
    def __init__(self, fuzzer: Fuzzer, entry: Entry, case: Case[Any]) -> None:
        self._fuzzer, self._entry, self._case = fuzzer, entry, case
        self._organization = fuzzer.found(case)

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
        return is_good(self._case, location)

    def _name(self, thing: str) -> str:
        return self._fuzzer.make(thing, self._organization)


def is_good(case: Case[Any], location: ParameterLocation) -> bool:
    """Tell whether a part of a request is not bad on purpose."""
    return case.meta is not None and not case.meta.is_negative_at(location)


def _found(person: User, world: World) -> Organization:
    organization = Organization.objects.create(name="Acme", created_by=person.id)
    bystander = world.people["bystander"]
    join(organization, person, Role.OWNER)
    if person != bystander:
        join(organization, bystander, Role.MEMBER)
    return organization
