"""What one person does, and where each event of it must come by."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from opencore.events import TOPICS
from opencore.mailing import CODE
from opencore.sealing import unseal
from opencore.smoke.client import CallFailed, Client
from outbox.envelope import from_bytes
from outbox.kafka.observer import Observer
from outbox.kafka.topics import KafkaUnreachable
from outbox.models import ArchivedEvent, OutboxEvent

PATIENCE = 15.0
LOOK_AGAIN = 0.05

Say = Callable[[str], None]


class HopFailed(Exception):
    """Something did not arrive where it should."""


@dataclass
class Journey:
    """Signs up a fresh person, opens an organization, pays, and follows every event.

    Every write is tried even when an event waits on its way, so that an outage shows
    what still works. Raises CallFailed if a write fails, HopFailed for the first hop
    that something did not pass.
    """

    client: Client
    mail_folder: Path
    say: Say
    patience: float = PATIENCE
    address: str = field(default_factory=lambda: f"demo-{uuid4().hex[:12]}@example.com")
    _observer: Observer | None = None
    _waiting: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Go the whole way."""
        try:
            self._observer = Observer(TOPICS)
        except KafkaUnreachable as error:
            self._wait_at("Kafka", f"it does not answer ({error})")
        try:
            user_id = self._sign_up()
            self._follow_user(user_id)
            self._open_organization()
            self._pay()
        finally:
            if self._observer is not None:
                self._observer.close()
        if self._waiting:
            raise HopFailed(
                f"{self._waiting[0]}; {OutboxEvent.objects.count()} events are stored"
                " and will arrive by themselves."
            )

    def _sign_up(self) -> UUID:
        asked = monotonic()
        challenge = self._write("POST /auth/otp", "/auth/otp", {"email": self.address})
        challenge_id = UUID(challenge["challenge_id"])
        kind = "opencore.auth.v1.sign-in-code-requested"
        self._follow(kind, challenge_id, asked)
        code = self._until("the e-mail with the code", self._code_in_mail, asked)
        if code is None:
            code = _code_in_outbox(challenge_id)
            self.say("          the code was taken from the outbox instead")
        tokens = self._write(
            "POST /auth/otp/verify",
            "/auth/otp/verify",
            {"challenge_id": str(challenge_id), "code": code},
        )
        self.client.token = tokens["access_token"]
        return UUID(self.client.get("/users/me")["id"])

    def _follow_user(self, user_id: UUID) -> None:
        asked = monotonic()
        self._follow("opencore.user.v1.user-created", user_id, asked)
        self._until("the person's billing customer", self._customer, asked)
        self._until("the welcome", lambda: self._notification("welcome"), asked)

    def _open_organization(self) -> None:
        asked = monotonic()
        org = self._write("POST /orgs", "/orgs", {"name": "Demo"})
        self._follow("opencore.org.v1.org-created", UUID(org["id"]), asked)
        path = f"/billing/customer?org_id={org['id']}"
        self._until(
            "the organization's billing customer", lambda: self._found(path), asked
        )

    def _pay(self) -> None:
        asked = monotonic()
        payment = self._write(
            "POST /billing/payments",
            "/billing/payments",
            {"amount_minor": 1999, "currency": "EUR"},
            {"Idempotency-Key": uuid4().hex},
        )
        key = UUID(payment["customer_id"])
        self._follow("opencore.billing.v1.payment-succeeded", key, asked)
        self._until("the receipt", lambda: self._notification("payment"), asked)

    def _write(
        self,
        name: str,
        path: str,
        body: dict[str, object],
        headers: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 -- JSON is any shape
        began = monotonic()
        answer = self.client.post(path, body, headers=headers)
        self.say(f"{_ms(began)}  {name}")
        return answer

    def _follow(self, kind: str, key: UUID, since: float) -> None:
        stored = self._until("the outbox", lambda: _stored(kind, key), since, name=kind)
        if stored is None or self._observer is None:
            return
        left = 0.2 if self._waiting else self.patience
        sighting = self._observer.find(stored, seconds=left)
        if sighting is None:
            self._wait_at("Kafka", f"{kind} did not arrive within {left:g} s")
            return
        place = f"{sighting.topic}[{sighting.partition}] at {sighting.offset}"
        self.say(f"{_ms(since)}    ├ Kafka: {place}")

    def _until(
        self,
        hop: str,
        look: Callable[[], Any],
        since: float,
        *,
        name: str = "",
    ) -> Any:  # noqa: ANN401 -- whatever is looked for
        give_up = monotonic() + (0.2 if self._waiting else self.patience)
        while not (found := look()):
            if monotonic() > give_up:
                self._wait_at(hop, f"nothing came within {self.patience:g} s")
                return None
            Event().wait(LOOK_AGAIN)
        self.say(f"{_ms(since)}    ├ {hop}{': ' + name if name else ''}")
        return found

    def _wait_at(self, hop: str, why: str) -> None:
        if not self._waiting:
            self.say(f"    …       └ {hop} is the hop that waits: {why}")
        self._waiting.append(f"{hop} is the hop that waits: {why}")

    def _code_in_mail(self) -> str | None:
        for path in sorted(self.mail_folder.glob("*.log"), reverse=True)[:200]:
            code = code_in(path.read_text("utf-8", "replace"), to=self.address)
            if code is not None:
                return code
        return None

    def _customer(self) -> bool:
        return self._found("/billing/customer")

    def _found(self, path: str) -> bool:
        try:
            return bool(self.client.get(path)["id"])
        except CallFailed:
            return False

    def _notification(self, kind: str) -> bool:
        feed = self.client.get("/notifications")["data"]
        return any(kind in item["type"] for item in feed)


def code_in(mails: str, *, to: str) -> str | None:
    """Return the code that was mailed to an address, of a file that may hold many."""
    for mail in mails.split(f"{'-' * 79}\n"):
        head, _, body = mail.partition("\n\n")
        match = CODE.search(body) if f"To: {to}" in head.splitlines() else None
        if match is not None:
            return match.group()
    return None


def _stored(kind: str, key: UUID) -> UUID | None:
    for model in (OutboxEvent, ArchivedEvent):
        row = model.objects.filter(type=kind, key=str(key)).order_by("-id").first()
        if row is not None:
            return row.event_id
    return None


def _code_in_outbox(challenge_id: UUID) -> str:
    row = OutboxEvent.objects.filter(key=str(challenge_id)).first()
    if row is None:
        raise HopFailed("The code is neither in the mail nor in the outbox.")
    return unseal(from_bytes(bytes(row.payload)).event.to_data()["sealed_code"])  # type: ignore[arg-type]  # -- a string, by the event's class


def _ms(since: float) -> str:
    return f"{(monotonic() - since) * 1000:7.0f} ms"
