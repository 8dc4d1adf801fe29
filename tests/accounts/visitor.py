"""Somebody who is not signed in, and how they get in."""

import json
from dataclasses import dataclass

from django.http.response import HttpResponseBase
from django.test import Client

from accounts.models import Challenge
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.sealing import unseal
from outbox.envelope import from_bytes
from outbox.models import OutboxEvent


@dataclass(frozen=True)
class Visitor:
    """What somebody without an access token can ask of the API."""

    address: str

    def post(self, path: str, body: object) -> HttpResponseBase:
        return self.post_text(path, json.dumps(body))

    def post_text(self, path: str, text: str) -> HttpResponseBase:
        return Client().post(
            path,
            data=text,
            content_type="application/json",
            headers={"User-Agent": "Browser/1"},
            REMOTE_ADDR=self.address,
        )


def mailed_code(challenge: Challenge) -> str:
    """Return the code that goes to the address."""
    for row in OutboxEvent.objects.filter(key=str(challenge.id)):
        event = from_bytes(bytes(row.payload)).event
        if isinstance(event, SignInCodeRequested):
            return unseal(event.sealed_code)
    raise AssertionError("no code was sent")


def wrong_code(challenge: Challenge) -> str:
    """Return a code that is not the one that goes to the address."""
    return f"{(int(mailed_code(challenge)) + 1) % 10**8:08}"
