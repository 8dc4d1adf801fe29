"""Secrets and addresses stay where they belong, whatever goes well and whatever fails.

A canary signs in, errs, repeats itself, invites, makes keys, meets an outage and a
handler that fails on its address. Then it is looked for everywhere.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from opencore.sealing import unseal
from tests.failure_modes.people import code_of
from tests.failure_modes.system import Answer, System, Visitor

# Columns that are there to hold an address; they go when a person is erased.
ADDRESSES = {
    *("accounts_user.email", "accounts_challenge.email", "accounts_invitation.email"),
    *("billing_customer.email", "notifications_recipient.email"),
    *("notifications_delivery.address", "outbox_archive_rest.payload"),
    # What they were told, themselves.
    *("notifications_delivery.subject", "notifications_delivery.body"),
    *("notifications_notification.title", "notifications_notification.body"),
    *("outbox_event.payload", "outbox_dead_letter.payload", "outbox_parked.payload"),
}
COLUMNS = """
select c.table_name, c.column_name, c.data_type
from information_schema.columns c
join pg_class t on t.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
where c.table_schema = 'public' and t.relkind = 'r'
    and c.data_type in ('text', 'character varying', 'character', 'json', 'jsonb',
                        'bytea', 'inet', 'ARRAY')
"""
REFUSING = """
create function canary_refused() returns trigger language plpgsql as $$ begin
    if new.email like 'canary%' then raise '% is refused', new.email; end if;
    return new;
end $$;
create trigger canary before insert on notifications_recipient
    for each row execute function canary_refused()
"""
CALMED = "drop trigger canary on notifications_recipient; drop function canary_refused"


@dataclass
class Canary:
    """Somebody who is followed: their addresses, their secrets, what they were told."""

    system: System
    visitor: Visitor
    addresses: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    problems: list[Answer] = field(default_factory=list)

    def new_address(self) -> str:
        """Return another address of theirs."""
        self.addresses.append(f"canary.{uuid4().hex}@birds.example")
        return self.addresses[-1]

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 -- JSON is any shape
        """Return what was answered, and remember it if it was a problem."""
        answer = self.visitor.ask(method, path, body, **headers)
        if answer.status >= 400:
            self.problems.append(answer)
        return answer.body

    def keep(self, answer: dict[str, Any], *names: str) -> None:
        """Remember secrets of an answer."""
        self.secrets += [answer[name] for name in names]


def test_neither_secrets_nor_addresses_are_where_they_do_not_belong(
    system: System,
) -> None:
    canary = Canary(system, system.visitor())
    system.sql_script(REFUSING)
    try:
        refresh_token = sign_in(canary)
        err(canary)
        system.until(lambda: handler_failed(system), "a handler fails on the address")
    finally:
        system.sql_script(CALMED)
    repeat(canary, refresh_token)
    sign_in(canary)
    work(canary)
    with system.without("postgres"):
        err(canary)
    system.until(system.is_ready, "it recovers by itself")
    leave(canary)
    system.until_settled()

    assert {answer.status for answer in canary.problems} >= {400, 401, 404, 405, 503}
    assert len(canary.secrets) >= 9
    everything = canary.secrets + canary.addresses
    assert places(system, canary.secrets) == set()
    assert places(system, canary.addresses) - ADDRESSES == set()
    assert [path.name for path in logs(system) if found_in(path, everything)] == []
    told = json.dumps([[dict(a.headers), a.body] for a in canary.problems])
    assert [each for each in everything if each in told] == []
    assert [each for each in everything if each in metrics(system)] == []
    assert contexts_with(system, everything) == []


def sign_in(canary: Canary) -> str:
    """Sign in by a code, after a wrong one; return the refresh token."""
    email = canary.addresses[0] if canary.addresses else canary.new_address()
    canary.system.sql_script(
        "update accounts_challenge set created_at = now() - interval '2 hours'"
    )
    challenge = canary.ask("POST", "/auth/otp", {"email": email})["challenge_id"]
    code = code_of(canary.system, challenge)
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for told in (wrong, code):
        answer = canary.ask(
            "POST", "/auth/otp/verify", {"challenge_id": challenge, "code": told}
        )
    canary.secrets.append(code)
    canary.keep(answer, "access_token", "refresh_token")
    canary.visitor.token = answer["access_token"]
    return str(answer["refresh_token"])


def repeat(canary: Canary, refresh_token: str) -> None:
    """Renew the session, and try an old token once more, which ends it."""
    newer = canary.ask("POST", "/auth/refresh", {"refresh_token": refresh_token})
    canary.keep(newer, "access_token", "refresh_token")
    newest = canary.ask(
        "POST", "/auth/refresh", {"refresh_token": newer["refresh_token"]}
    )
    canary.keep(newest, "access_token", "refresh_token")
    canary.ask("POST", "/auth/refresh", {"refresh_token": refresh_token})


def work(canary: Canary) -> None:
    """Open an organization, invite somebody, make a key and use it."""
    acme = canary.ask("POST", "/orgs", {"name": "Acme"})["id"]
    invitation = canary.ask(
        "POST", f"/orgs/{acme}/invitations", {"email": canary.new_address()}
    )
    payload = canary.system.sql(INVITED, f"%{invitation['id']}%")
    canary.secrets.append(unseal(json.loads(payload)["data"]["sealed_token"]))
    for token in (canary.secrets[-1], f"{canary.secrets[-1]}x"):
        canary.ask("GET", f"/invitations/{token}")
        canary.ask("POST", f"/invitations/{token}/accept")
    key = canary.ask(
        "POST", f"/orgs/{acme}/api-keys", {"name": "deploy", "scopes": ["members.read"]}
    )["api_key"]
    canary.secrets.append(key)
    person, canary.visitor.token = canary.visitor.token, key
    canary.ask("GET", f"/orgs/{acme}/members")
    canary.ask("DELETE", f"/orgs/{acme}")
    canary.visitor.token = person


def err(canary: Canary) -> None:
    """Ask for what there isn't, in ways that tell secrets."""
    email, secret = canary.addresses[0], canary.secrets[-1]
    canary.ask("POST", "/auth/otp", {"email": email, "to": email})
    canary.ask("POST", "/auth/refresh", {"refresh_token": secret[:-2]})
    canary.ask("POST", "/auth/otp/verify", {"challenge_id": secret, "code": secret})
    canary.ask("PUT", "/auth/otp", {"email": email})
    canary.ask("GET", f"/orgs/{uuid4()}?email={email}&token={secret}")
    canary.ask("GET", "/users/me", Idempotency_Key=email)
    token, canary.visitor.token = canary.visitor.token, f"{canary.visitor.token}x"
    canary.ask("GET", "/users/me")
    canary.visitor.token = token


def leave(canary: Canary) -> None:
    """Log out, and say so again."""
    token = canary.secrets[-1]
    canary.ask("POST", "/auth/logout", {"refresh_token": token})
    canary.ask("POST", "/auth/logout", {"refresh_token": token})


def handler_failed(system: System) -> bool:
    failed = "select count(*) from outbox_attempt where message like %s"
    return bool(system.sql(failed, "%refused%"))


def places(system: System, traces: list[str]) -> set[str]:
    """Return the columns in which any row holds a trace."""
    found = set()
    patterns = [f"%{trace}%" for trace in traces]
    with psycopg.connect(system.urls()["DATABASE_URL"]) as own:
        for table, column, kind in own.execute(COLUMNS).fetchall():
            shown = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
            query = sql.SQL(
                "select exists (select from {} where " + shown + " ilike any(%s))"  # noqa: S608 -- one of two texts
            ).format(sql.Identifier(table), sql.Identifier(column))
            if own.execute(query, [patterns]).fetchone() == (True,):
                found.add(f"{table}.{column}")
    return found


def contexts_with(system: System, traces: Iterable[str]) -> list[str]:
    """Return what events say around their data, where a trace is in it."""
    with psycopg.connect(system.urls()["DATABASE_URL"]) as own:
        rows = own.execute("select payload, headers::text from outbox_archive")
        around = [
            json.dumps({**json.loads(payload), "data": None}) + str(headers)
            for payload, headers in rows.fetchall()
        ]
    return [text for text in around if any(trace in text for trace in traces)]


def logs(system: System) -> list[Path]:
    """Return the logs of the product's processes; PostgreSQL writes its own."""
    found = [system.services.places.logs / f"{name}.log" for name in system.children]
    assert len(found) > 5
    return found


def found_in(path: Path, traces: Iterable[str]) -> bool:
    """Tell whether a log has a trace; a code is not meant by longer numbers."""
    text = path.read_text("utf-8", errors="replace")
    return any(
        re.search(rf"(?<![\w.-]){re.escape(trace)}(?![\w-])", text) for trace in traces
    )


def metrics(system: System) -> str:
    visitor = system.visitor()
    response = visitor.pool.request("GET", f"{visitor.base}/metrics")
    assert response.status == 200
    return response.data.decode()


INVITED = """
select payload from (
    select payload from outbox_event union all select payload from outbox_archive
) as either where convert_from(payload, 'UTF8') like %s limit 1
"""
