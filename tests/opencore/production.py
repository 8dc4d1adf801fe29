"""An environment that a deployment may start with, its secrets made on the spot."""

import os
from base64 import urlsafe_b64encode
from secrets import token_urlsafe

KEPT = ("PATH", "LANG", "DATABASE_URL", "REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS")


def good_environment() -> dict[str, str]:
    """Return the variables of a start in production that nothing is wrong with."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "opencore.settings.production",
        "DJANGO_SECRET_KEY": token_urlsafe(64),
        "JWT_SIGNING_KEY": token_urlsafe(64),
        "JWT_REFRESH_SIGNING_KEY": token_urlsafe(64),
        "CODE_PEPPER": token_urlsafe(32),
        "LOOKUP_PEPPER": token_urlsafe(32),
        "SEALING_KEYS": urlsafe_b64encode(os.urandom(32)).decode(),
        "ALLOWED_HOSTS": "api.example.com",
        "PUBLIC_URL": "https://api.example.com",
        "EMAIL_URL": "smtp+tls://opencore:secret@mail.example.com:587",
        # The suite's PostgreSQL may be one on a network of its own.
        "DATABASE_UNENCRYPTED": "true",
    }
