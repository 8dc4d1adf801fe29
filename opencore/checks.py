"""Says what would leave a deployment open to misuse, before it serves anybody."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from itertools import combinations
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from opencore import sealing
from opencore.postgresql.role import faults_of_role
from opencore.tokens.foreign import foreign_issuers
from opencore.tokens.keys import is_pem, load_key

TAG = "opencore"
# Settings that hold a secret: the variable each comes from, and its fewest bytes.
SECRETS = {
    "SECRET_KEY": ("DJANGO_SECRET_KEY", 50),
    "JWT_SIGNING_KEY": ("JWT_SIGNING_KEY", 48),
    "JWT_REFRESH_SIGNING_KEY": ("JWT_REFRESH_SIGNING_KEY", 48),
    "CODE_PEPPER": ("CODE_PEPPER", 32),
    "LOOKUP_PEPPER": ("LOOKUP_PEPPER", 32),
}
# The same, of which a deployment may do without.
OPTIONAL = {"JWT_INTERNAL_SIGNING_KEY": ("JWT_INTERNAL_SIGNING_KEY", 48)}
# Settings that hold keys which are on their way in or out.
PREVIOUS = (
    "JWT_PREVIOUS_SIGNING_KEYS",
    "JWT_PREVIOUS_REFRESH_SIGNING_KEYS",
    "JWT_PREVIOUS_INTERNAL_SIGNING_KEYS",
)
# Settings that hold keys of tokens, which may be a PEM instead of a secret.
KEYS_OF_TOKENS = frozenset(
    {"JWT_SIGNING_KEY", "JWT_REFRESH_SIGNING_KEY", *OPTIONAL, *PREVIOUS}
)
FEWEST_DIFFERENT = 10
# The secrets of the local profile and of the tests begin so; anybody can read them.
PUBLISHED = ("local-only", "test-only", "django-insecure")
SECURE_COOKIES = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
NEW_VALUE = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(64))"'
NEW_PAIR = "Make one: openssl genpkey -algorithm ed25519"
NEW_SEALING_KEY = (
    'Make one: python3 -c "import base64, os;'
    ' print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
)


@register(TAG, deploy=True)
def check_debug(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse DEBUG, which shows settings and code to whoever meets an error."""
    if not settings.DEBUG:
        return []
    return [
        Error(
            "DEBUG is on: errors would show code and settings to anybody.",
            hint="Use DJANGO_SETTINGS_MODULE=opencore.settings.production.",
            id="opencore.E001",
        )
    ]


@register(TAG, deploy=True)
def check_secrets(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse secrets that are missing, guessable, published, or used for two ends."""
    wanted = SECRETS | {name: told for name, told in OPTIONAL.items() if _secret(name)}
    values = {
        variable: _secret(name).encode() for name, (variable, _) in wanted.items()
    }
    found: list[CheckMessage] = []
    for variable, fewest in wanted.values():
        found += _weakness(variable, values[variable], fewest)
    for name in PREVIOUS:
        for key in getattr(settings, name):
            found += _weakness(name, key.encode(), 48)
    found += [
        Error(
            f"{one} and {other} hold the same secret: one would pass for the other.",
            hint=NEW_VALUE,
            id="opencore.E004",
        )
        for one, other in combinations(values, 2)
        if values[one] and values[one] == values[other]
    ]
    return found


@register(TAG, deploy=True)
def check_sealing_keys(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse sealing keys that are missing, malformed, guessable or published."""
    try:
        sealing.check_keys()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=NEW_SEALING_KEY, id="opencore.E005")]
    found: list[CheckMessage] = []
    for key in settings.SEALING_KEYS:
        found += _weakness("SEALING_KEYS", urlsafe_b64decode(key), 32)
    return found


@register(TAG, deploy=True)
def check_issuers(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse issuers of tokens that could be played by others."""
    try:
        foreign_issuers()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="opencore.E009")]
    return []


@register(TAG, deploy=True)
def check_metrics_token(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse a guessable token of the metrics; without one they are not shown."""
    token = settings.METRICS_TOKEN.encode()
    return _weakness("METRICS_TOKEN", token, 32) if token else []


@register(TAG, deploy=True)
def check_cookies(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse cookies of the admin that would travel unencrypted."""
    return [
        Error(
            f"{name} is off: that cookie would travel unencrypted.",
            hint="Use DJANGO_SETTINGS_MODULE=opencore.settings.production.",
            id="opencore.E006",
        )
        for name in SECURE_COOKIES
        if not getattr(settings, name)
    ]


@register(TAG, deploy=True)
def check_database_encryption(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse a connection to PostgreSQL that crosses a network unencrypted."""
    database = settings.DATABASES["default"]
    if settings.DATABASE_UNENCRYPTED or _is_encrypted(database):
        return []
    return [
        Error(
            "DATABASE_URL names a server on the network without sslmode=require,"
            " verify-ca or verify-full: data would travel unencrypted.",
            hint="Add ?sslmode=verify-full; or, in a network of your own, set"
            " DATABASE_UNENCRYPTED=true.",
            id="opencore.E007",
        )
    ]


@register(TAG, deploy=True)
def check_mail(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Warn of mail that goes nowhere: sign-in codes would stand in the logs."""
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return []
    return [
        Caution(
            "EMAIL_URL names no mail server: nobody would get a sign-in code, and"
            " codes may end up where logs are kept.",
            hint="Set EMAIL_URL=smtp+tls://user:password@host:587.",
            id="opencore.W001",
        )
    ]


@register(TAG, deploy=True)
def check_role_of_requests(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    *,
    databases: Sequence[str] | None = None,
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse a role of requests that row-level security would not hold.

    Needs the database, so it is part of `check --deploy --database default`.
    """
    if "default" not in (databases or ()):
        return []
    return [
        Error(fault, hint="RUNBOOK says how it is made.", id="opencore.E010")
        for fault in faults_of_role()
    ]


def _secret(name: str) -> str:
    try:
        return str(getattr(settings, name))
    except ImproperlyConfigured:
        # Django refuses to hand out an empty SECRET_KEY.
        return ""


def _weakness(variable: str, secret: bytes, fewest: int) -> list[CheckMessage]:
    if any(mark.encode() in secret for mark in PUBLISHED):
        said = f"{variable} is published in the source code: anybody knows it."
        return [Error(said, hint=NEW_VALUE, id="opencore.E003")]
    if variable in KEYS_OF_TOKENS and is_pem(secret.decode()):
        return _weakness_of_pair(variable, secret.decode())
    if len(secret) < fewest or len(set(secret)) < FEWEST_DIFFERENT:
        said = (
            f"{variable} must be at least {fewest} random bytes; it has {len(secret)}."
        )
        return [Error(said, hint=NEW_VALUE, id="opencore.E002")]
    return []


def _weakness_of_pair(variable: str, pem: str) -> list[CheckMessage]:
    try:
        key = load_key(pem)
    except ImproperlyConfigured as error:
        said = f"{variable} holds no good key: {error}"
        return [Error(said, hint=NEW_PAIR, id="opencore.E008")]
    if key.private is None and variable not in PREVIOUS:
        said = f"{variable} holds a public key, which can't sign."
        return [Error(said, hint=NEW_PAIR, id="opencore.E008")]
    return []


def _is_encrypted(database: Mapping[str, Any]) -> bool:
    if database.get("OPTIONS", {}).get("sslmode") in ENCRYPTED:
        return True
    hosts = str(database.get("HOST") or "/").split(",")
    return all(_is_this_machine(host) for host in hosts)


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
