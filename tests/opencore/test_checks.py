"""A deployment that would be open to misuse does not start, and says why."""

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha512

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.checks.registry import registry
from pytest_django import Settings

from opencore import checks
from opencore.boot import BootRefused, refuse_unsafe_settings
from tests.opencore.production import good_environment
from tests.opencore.tokens.forging import PAIRS, pem_of, public_half


def secret_of(seed: str) -> str:
    """Return a secret that nobody could guess who does not read this."""
    return sha512(seed.encode()).hexdigest()


GOOD = {
    "DEBUG": False,
    "SECRET_KEY": secret_of("one"),
    "JWT_SIGNING_KEY": secret_of("two"),
    "JWT_REFRESH_SIGNING_KEY": secret_of("three"),
    "JWT_INTERNAL_SIGNING_KEY": secret_of("internal"),
    "CODE_PEPPER": secret_of("four"),
    "LOOKUP_PEPPER": secret_of("five"),
    "SEALING_KEYS": [urlsafe_b64encode(os.urandom(32)).decode()],
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "PROFILE": "production",
}


@pytest.fixture
def production(settings: Settings) -> Settings:
    """Settings that a deployment may start with; a test spoils one of them."""
    for name, value in GOOD.items():
        setattr(settings, name, value)
    return settings


def found() -> list[tuple[str | None, str]]:
    messages: list[CheckMessage] = run_checks(
        tags=[checks.TAG], include_deployment_checks=True
    )
    return [(message.id, message.msg) for message in messages]


def test_good_settings_have_no_findings(production: Settings) -> None:
    assert found() == []
    refuse_unsafe_settings()


def test_a_deployment_may_do_without_a_key_for_internal_tokens(
    production: Settings,
) -> None:
    production.JWT_INTERNAL_SIGNING_KEY = ""

    assert found() == []


@pytest.mark.parametrize("kind", PAIRS)
def test_pairs_of_keys_are_as_good_as_secrets(kind: str, production: Settings) -> None:
    production.JWT_SIGNING_KEY = pem_of(kind)
    production.JWT_PREVIOUS_SIGNING_KEYS = [public_half(pem_of(kind, 2))]

    assert found() == []


def test_every_check_is_one_of_a_deployment() -> None:
    of_deployment = {
        getattr(check, "__name__", "")
        for check in registry.deployment_checks
        if _is_ours(check)
    }
    assert of_deployment == {
        "check_debug",
        "check_secrets",
        "check_metrics_token",
        "check_sealing_keys",
        "check_issuers",
        "check_cookies",
        "check_database_encryption",
        "check_mail",
        "check_role_of_requests",
    }
    assert not [check for check in registry.registered_checks if _is_ours(check)]


def _is_ours(check: object) -> bool:
    return getattr(check, "__module__", "") == "opencore.checks"


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("DEBUG", True, "E001", "DEBUG is on"),
        ("SESSION_COOKIE_SECURE", False, "E006", "SESSION_COOKIE_SECURE is off"),
        ("CSRF_COOKIE_SECURE", False, "E006", "CSRF_COOKIE_SECURE is off"),
        ("SECRET_KEY", "", "E002", "DJANGO_SECRET_KEY must be at least 50 random"),
        ("SECRET_KEY", "k7Qz" * 12, "E002", "DJANGO_SECRET_KEY must be at least 50"),
        ("SECRET_KEY", "ab" * 40, "E002", "DJANGO_SECRET_KEY must be at least 50"),
        ("SECRET_KEY", "local-only-" + "0123456789abcdef" * 4, "E003", "published"),
        ("SECRET_KEY", "django-insecure-" + secret_of("five"), "E003", "published"),
        ("JWT_SIGNING_KEY", "", "E002", "JWT_SIGNING_KEY must be at least 48"),
        ("JWT_SIGNING_KEY", secret_of("six")[:47], "E002", "it has 47"),
        (
            "JWT_SIGNING_KEY",
            "local-only-access-" + "0123456789abcdef" * 4,
            "E003",
            "JWT_SIGNING_KEY is published",
        ),
        (
            "JWT_REFRESH_SIGNING_KEY",
            "test-only-refresh-" + "0123456789abcdef" * 4,
            "E003",
            "JWT_REFRESH_SIGNING_KEY is published",
        ),
        ("JWT_REFRESH_SIGNING_KEY", "short", "E002", "it has 5"),
        ("JWT_REFRESH_SIGNING_KEY", GOOD["JWT_SIGNING_KEY"], "E004", "the same secret"),
        ("JWT_INTERNAL_SIGNING_KEY", "short", "E002", "it has 5"),
        ("JWT_INTERNAL_SIGNING_KEY", GOOD["JWT_SIGNING_KEY"], "E004", "the same"),
        ("JWT_INTERNAL_SIGNING_KEY", "-----BEGIN x", "E008", "is no PEM of a key"),
        ("JWT_PREVIOUS_INTERNAL_SIGNING_KEYS", ["short"], "E002", "it has 5"),
        ("SECRET_KEY", GOOD["JWT_SIGNING_KEY"], "E004", "the same secret"),
        ("JWT_SIGNING_KEY", "-----BEGIN x", "E008", "is no PEM of a key"),
        pytest.param(
            *("JWT_SIGNING_KEY", pem_of("weak"), "E008", "with at least 2048 bits"),
            id="a weak pair",
        ),
        pytest.param(
            *("JWT_SIGNING_KEY", public_half(pem_of("ES256")), "E008", "can't sign"),
            id="a public key that should sign",
        ),
        (
            "JWT_PREVIOUS_SIGNING_KEYS",
            [pem_of("another curve")],
            "E008",
            "JWT_PREVIOUS_SIGNING_KEYS holds no good key",
        ),
        ("JWT_PREVIOUS_SIGNING_KEYS", ["short"], "E002", "it has 5"),
        (
            "JWT_ISSUERS",
            {"https://idp.example.com": ("http://idp.example.com/keys", "")},
            "E009",
            "must come from https://",
        ),
        ("CODE_PEPPER", "", "E002", "CODE_PEPPER must be at least 32"),
        (
            "CODE_PEPPER",
            "local-only-pepper-" + "0123456789abcdef" * 2,
            "E003",
            "CODE_PEPPER is published",
        ),
        ("SEALING_KEYS", [], "E005", "SEALING_KEYS is empty"),
        ("SEALING_KEYS", ["not a key"], "E005", "is not 32 bytes in URL-safe base64"),
        (
            "SEALING_KEYS",
            [*GOOD["SEALING_KEYS"], "bG9jYWwtb25seS1sb2NhbC1vbmx5LWxvY2FsLW9ubHk="],  # type: ignore[misc]  # -- the table holds values of several types
            "E003",
            "SEALING_KEYS is published",
        ),
        ("SEALING_KEYS", ["A" * 43 + "="], "E002", "SEALING_KEYS must be at least 32"),
    ],
)
def test_each_unsafe_setting_is_refused_by_name(
    production: Settings, name: str, value: object, code: str, said: str
) -> None:
    setattr(production, name, value)

    ((found_code, sentence),) = found()

    assert found_code == f"opencore.{code}"
    assert said in sentence
    with pytest.raises(BootRefused) as refusal:
        refuse_unsafe_settings()
    assert str(refusal.value) == f"{sentence} (opencore.{code})"


def test_no_finding_repeats_the_secret(production: Settings) -> None:
    production.JWT_SIGNING_KEY = production.JWT_REFRESH_SIGNING_KEY = "x9-guessable"

    said = str(run_checks(tags=[checks.TAG], include_deployment_checks=True))

    assert "JWT_SIGNING_KEY" in said
    assert "x9-guessable" not in said


@pytest.mark.parametrize(
    ("host", "options", "codes"),
    [
        ("127.0.0.1", {}, []),
        ("::1", {}, []),
        ("localhost", {}, []),
        ("/run/postgresql", {}, []),
        ("", {}, []),
        ("db.internal", {}, ["opencore.E007"]),
        ("127.db.internal", {}, ["opencore.E007"]),
        ("localhost,db.internal", {}, ["opencore.E007"]),
        ("db.internal", {"sslmode": "prefer"}, ["opencore.E007"]),
        ("db.internal", {"sslmode": "require"}, []),
        ("db.internal", {"sslmode": "verify-full"}, []),
    ],
)
def test_the_database_is_not_spoken_to_in_the_clear_over_a_network(
    production: Settings,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    options: dict[str, str],
    codes: list[str],
) -> None:
    database = {"HOST": host, "OPTIONS": options}
    monkeypatch.setitem(production.DATABASES, "default", database)

    assert [code for code, _ in found()] == codes


def test_a_network_of_ones_own_may_be_unencrypted(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = {"HOST": "db.internal", "OPTIONS": {}}
    monkeypatch.setitem(production.DATABASES, "default", database)
    production.DATABASE_UNENCRYPTED = True

    assert found() == []


def test_mail_that_goes_nowhere_is_a_warning_that_does_not_stop_a_start(
    production: Settings,
) -> None:
    production.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

    assert [code for code, _ in found()] == ["opencore.W001"]
    refuse_unsafe_settings()


@pytest.mark.parametrize("profile", ["local", "test", "base"])
def test_other_profiles_start_with_known_secrets(
    production: Settings, profile: str
) -> None:
    production.SECRET_KEY = "local-only-" + "0123456789abcdef" * 4
    production.PROFILE = profile

    refuse_unsafe_settings()


def test_the_deployment_check_of_a_good_environment_is_clean() -> None:
    ended = _check(good_environment())

    assert ended.stderr == ""
    assert ended.stdout.startswith("System check identified no issues")
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("JWT_SIGNING_KEY", "", "JWT_SIGNING_KEY must be at least 48 random bytes"),
        ("GATEWAY_JWT", "off", "only the local one may leave tokens unverified."),
    ],
)
def test_the_deployment_check_of_a_bad_environment_fails_with_a_sentence(
    variable: str, value: str, sentence: str
) -> None:
    ended = _check({**good_environment(), variable: value})

    assert ended.returncode == 1
    assert sentence in ended.stderr


def test_a_server_of_a_bad_environment_ends_with_a_sentence() -> None:
    key = secret_of("seven")
    bad = {"JWT_SIGNING_KEY": key, "JWT_REFRESH_SIGNING_KEY": key}

    ended = _run(["-c", "import opencore.wsgi"], {**good_environment(), **bad})

    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == (
        "OpenCore does not start: JWT_SIGNING_KEY and JWT_REFRESH_SIGNING_KEY hold the"
        " same secret: one would pass for the other. (opencore.E004)"
    )


def _check(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    arguments = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return _run(arguments, environment)


def _run(
    arguments: list[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
