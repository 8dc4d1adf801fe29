"""Who asks while requests are made up: somebody who finds what there is.

Made-up ids name nothing. So half of the requests name things that there are, which the
entries of tests/authorization know how to make.
"""

from contextlib import suppress
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
from tests.authorization.world import World, join, make_person

ENTRIES = {entry.operation: entry for entry in all_entries()}


class NotMade(Exception):
    """There can't be such a thing now, and there was none before."""


class Fuzzer:
    """Nobody, who asks without saying who it is."""

    is_somebody = False

    def __init__(self, world: World, *, seed: int) -> None:
        self.world = world
        self._random = Random(seed)  # noqa: S311 -- it is printed, so that it can be repeated
        self._given: set[str] = set()
        self._made: dict[str, str] = {}

    def tokens(self) -> type[AuthProvider[str]]:
        """Return what says with each request who asks."""
        give = self._give

        class Tokens:
            def get(self, case: Case[Any], context: AuthContext) -> str:
                token = give()
                # The engine's threads don't give back their connections.
                connections.close_all()
                return token

            def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {data}"

        return Tokens

    def token(self) -> str:
        """Return what says who asks."""
        raise NotImplementedError

    def token_of(self, owner: User, organization: Organization) -> str:
        """Return what lets them in to an organization of an owner's."""
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

    def find(self, case: Case[Any]) -> tuple[User, Organization]:
        """Return an owner and an organization, where the request is let in.

        New ones each time: some requests end theirs, and some can be made only once.
        """
        owner = self.newcomer()
        organization = _organization_of(owner, self.world)
        given = case.headers.get("Authorization", "").removeprefix("Bearer ")
        if given in self._given:
            token = self.token_of(owner, organization)
            case.headers["Authorization"] = f"Bearer {token}"
        return owner, organization

    def newcomer(self) -> User:
        """Return for whom things are made that a request names."""
        return self.world.people["bystander"]

    def make(self, thing: str, owner: User, organization: Organization) -> str:
        """Return the id of a thing, or of one like it; raises NotMade."""
        try:
            with transaction.atomic():
                made = named(thing, self.world, owner, organization)
        except (IntegrityError, DomainError) as error:
            if thing not in self._made:
                raise NotMade from error
            return self._made[thing]
        self._made[thing] = made
        return made

    def _give(self) -> str:
        token = self.token()
        self._given.add(token)
        return token


class Person(Fuzzer):
    """A person, with a session of its own for each request: many end theirs."""

    is_somebody = True

    def __init__(self, world: World, name: str, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        self._person = world.people[name]

    def token(self) -> str:
        """Return the access token of a new session."""
        return _token_of(self._person)

    def token_of(self, owner: User, organization: Organization) -> str:
        """Return one of the owner's."""
        return _token_of(owner)

    def newcomer(self) -> User:
        """Return somebody new."""
        return make_person(uuid4().hex, role=self._person.role)

    def may(self, entry: Entry) -> bool:
        """Tell whether it is not for staff alone, unless they are."""
        return self._person.role == "operator" or entry.needs not in STAFF


class Program(Fuzzer):
    """A service account with an API key that may do all that its role may."""

    is_somebody = True

    def __init__(self, world: World, *, seed: int) -> None:
        super().__init__(world, seed=seed)
        self._key = _key_of(world.programs["Acme"])

    def token(self) -> str:
        """Return the key that it has in its organization."""
        return self._key

    def token_of(self, owner: User, organization: Organization) -> str:
        """Return the key of a new one."""
        program = ServiceAccount.objects.create(
            organization=organization,
            name="robot of its own",
            role=Role.ADMIN,
            created_by=owner.id,
        )
        return _key_of(program)

    def newcomer(self) -> User:
        """Return an owner who lets it in."""
        return self.world.people["owner"]

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


class _Reaching:
    def __init__(self, fuzzer: Fuzzer, entry: Entry, case: Case[Any]) -> None:
        self._fuzzer, self._entry, self._case = fuzzer, entry, case
        self._owner, self._organization = fuzzer.find(case)

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
                with suppress(NotMade):
                    self._case.path_parameters[parameter] = self._name(thing)

    def _fill_body(self, body: dict[str, Any]) -> None:
        for member, value in (self._entry.body or {}).items():
            if member in body and str(value).startswith("{"):
                with suppress(NotMade):
                    body[member] = filled_in(value, self._name)

    def _is_good(self, location: ParameterLocation) -> bool:
        return is_good(self._case, location)

    def _name(self, thing: str) -> str:
        return self._fuzzer.make(thing, self._owner, self._organization)


def is_good(case: Case[Any], location: ParameterLocation) -> bool:
    """Tell whether a part of a request is not bad on purpose."""
    return case.meta is not None and not case.meta.is_negative_at(location)


def _token_of(person: User) -> str:
    now = timezone.now()
    return mint_access(
        user_id=person.id,
        session_id=session_of(person).id,
        role=person.role,
        now=now,
        proof=Proof(now),
    )


def _key_of(program: ServiceAccount) -> str:
    return new_key(program.organization, program, scopes=PERMISSIONS[Role.ADMIN])


def _organization_of(person: User, world: World) -> Organization:
    organization = Organization.objects.create(name="Acme", created_by=person.id)
    bystander = world.people["bystander"]
    join(organization, person, Role.OWNER)
    if person != bystander:
        join(organization, bystander, Role.MEMBER)
    return organization
