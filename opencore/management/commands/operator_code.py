"""`manage.py operator_code`: the phone of a local system's operator."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.services.totp import code_of

SECRET_FILE = "operator-secret"  # noqa: S105 -- where it is, not what


class Command(BaseCommand):
    """Say the code that the authenticator of the seeded operator shows now."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Read the secret that the seed made, and say its code."""
        if settings.PROFILE != "local":
            raise CommandError("Only the operator of a local system is known here.")
        path = Path(settings.LOCAL_DIR) / SECRET_FILE
        if not path.exists():
            raise CommandError("There is no seeded operator; run `manage.py seed`.")
        secret = path.read_text("utf-8").strip()
        self.stdout.write(code_of(secret, now=timezone.now()))
