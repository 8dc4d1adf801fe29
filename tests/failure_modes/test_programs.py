"""Programs with API keys, on real processes: refused in time, and in again after it."""

from dataclasses import dataclass

import pytest

from opencore.api_keys import new_key_text
from tests.failure_modes.people import Person, sign_up
from tests.failure_modes.system import Answer, System, Visitor

WITHIN = 5.0


@dataclass(frozen=True)
class Program:
    """A program of an organization that somebody opened."""

    owner: Person
    organization: str
    key_id: str
    visitor: Visitor

    def ask(self) -> Answer:
        """Ask the gateway for what the key allows to be seen."""
        return self.visitor.ask("GET", f"/orgs/{self.organization}")

    def end(self) -> None:
        """Let the owner revoke the key."""
        place = f"/orgs/{self.organization}/api-keys/{self.key_id}"
        self.owner.visitor.done("DELETE", place)


def with_key(system: System, text: str) -> Visitor:
    """Return somebody who shows a key."""
    visitor = system.visitor()
    visitor.token = text
    return visitor


@pytest.fixture
def program(system: System) -> Program:
    owner = sign_up(system)
    acme = owner.open_organization()
    made = owner.visitor.done(
        "POST", f"/orgs/{acme}/api-keys", {"name": "ci", "scopes": ["org.read"]}
    )
    visitor = with_key(system, made["api_key"])
    return Program(owner, acme, made["id"], visitor)


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


@pytest.mark.parametrize("hung", [False, True], ids=["killed", "hung"])
def test_without_postgresql_a_key_is_no_wrong_key(
    system: System, program: Program, hung: bool
) -> None:
    assert program.ask().status == 200
    stranger = with_key(system, new_key_text().text)

    with system.without("postgres", hung=hung):
        answers = [program.ask(), stranger.ask("GET", f"/orgs/{program.organization}")]

    for answer in answers:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.seconds <= WITHIN
    system.until(lambda: program.ask().status == 200, "the program gets in again")


def test_a_revoked_key_is_refused_with_the_next_request(program: Program) -> None:
    assert program.ask().status == 200

    program.end()

    assert code_of(program.ask()) == (401, "api_key_invalid")


def test_without_redis_the_api_refuses_a_revoked_key_all_the_same(
    system: System, program: Program
) -> None:
    assert program.ask().status == 200

    with system.without("redis", hung=False):
        program.end()
        refused = program.ask()

    assert code_of(refused) == (401, "api_key_invalid")
