"""`manage.py revoke_key`: takes the trust from a key of access tokens, at once."""

import re
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from opencore.management.whoever import whoever_types
from opencore.revocations import RevocationsUnavailable
from opencore.revoked_keys import revoke_for_good
from opencore.tokens import kid_of


class Command(BaseCommand):
    """Say what revoking a key would do, or do it with --execute and a reason."""

    help = (
        "Lets no gateway pass an access token that the key signed, from now on and for"
        " ever. Also take the key out of the settings: who has it can still sign."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which key, whether to do it, who decides it and why."""
        parser.add_argument(
            "kid", type=_kid, help="the key's name, `kid` in its tokens"
        )
        parser.add_argument("--execute", action="store_true", help="really do it")
        parser.add_argument("--reason", default="", help="why; kept for the audit")
        parser.add_argument("--actor", default="", help="who; user@host if left out")

    def handle(self, *_args: Any, kid: str, execute: bool, **options: Any) -> None:
        """Do it or say it."""
        if not execute:
            self.stdout.write(
                f"Gateways would refuse every access token that {kid} signed;"
                f' it {_place_of(kid)}. Add --execute --reason "…" to do it.'
            )
            return
        if not options["reason"].strip():
            raise CommandError('--execute needs a reason: --reason "…".')
        try:
            revoke_for_good(
                kid=kid,
                actor=options["actor"] or whoever_types(),
                reason=options["reason"],
                now=timezone.now(),
            )
        except RevocationsUnavailable as error:
            raise CommandError(
                f"{error}: it is recorded, and gateways refuse what {kid} signed"
                " half a minute after Redis is back."
            ) from error
        self.stdout.write(
            f"Gateways refuse every access token that {kid} signed; it {_place_of(kid)}."
        )


def _kid(text: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_-]{1,32}", text):
        raise ArgumentTypeError("a key's name has 1 to 32 letters, digits, - or _")
    return text


def _place_of(kid: str) -> str:
    if settings.JWT_SIGNING_KEY and kid == kid_of(settings.JWT_SIGNING_KEY):
        return "signs the new tokens, too, until JWT_SIGNING_KEY is changed"
    if kid in map(kid_of, settings.JWT_PREVIOUS_SIGNING_KEYS):
        return "is one of JWT_PREVIOUS_SIGNING_KEYS"
    return "is no key of the settings"
