"""Settings that the gateway refuses to start with."""

import os
import subprocess
import sys

import pytest
from django.core.checks import Error
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from gateway_proxy.checks import check_gateway
from gateway_proxy.config import read_config
from gateway_proxy.front import current_gateway


def test_the_settings_of_the_test_profile_are_fine() -> None:
    assert check_gateway(None) == []


@pytest.mark.parametrize("profile", ["test", "production", "base", ""])
def test_unverified_tokens_are_an_error_outside_the_local_profile(
    settings: Settings, profile: str
) -> None:
    settings.GATEWAY_JWT = "off"
    settings.PROFILE = profile

    (error,) = check_gateway(None)

    assert isinstance(error, Error)
    assert error.id == "gateway_proxy.E001"
    with pytest.raises(ImproperlyConfigured, match="GATEWAY_JWT"):
        current_gateway()


def test_unverified_tokens_are_said_loudly_in_the_local_profile(
    settings: Settings,
) -> None:
    settings.GATEWAY_JWT = "off"
    settings.PROFILE = "local"

    (caution,) = check_gateway(None)

    assert isinstance(caution, Caution)
    assert caution.id == "gateway_proxy.W001"


@pytest.mark.parametrize(
    "upstreams",
    [
        {"bills": "http://127.0.0.1"},
        {"billing": "billing.internal:8080"},
        {"billing": "ftp://billing.internal"},
        {"billing": "http://"},
        {"billing": "http://billing.internal:99999"},
        {"billing": "http://user:secret@billing.internal"},
        {"billing": "http://billing.internal/?a=1"},
        {"billing": "http://[::1"},
    ],
)
def test_a_wrong_upstream_is_an_error(
    settings: Settings, upstreams: dict[str, str]
) -> None:
    settings.GATEWAY_UPSTREAMS = upstreams

    (error,) = check_gateway(None)

    assert error.id == "gateway_proxy.E001"
    assert "GATEWAY_UPSTREAMS" in error.msg


def test_a_gateway_alone_answers_nothing_itself(settings: Settings) -> None:
    settings.GATEWAY_ALONE = True
    settings.GATEWAY_UPSTREAMS = {"billing": "http://billing:8080"}

    (error,) = check_gateway(None)

    assert error.id == "gateway_proxy.E002"
    assert "/auth, /invitations, /notifications, /orgs, /users" in error.msg


def test_what_is_not_named_stays_local(settings: Settings) -> None:
    settings.GATEWAY_UPSTREAMS = {"/billing/": "http://billing:8080", "users": "local"}

    assert dict(read_config().upstreams) == {
        "/auth": "local",
        "/users": "local",
        "/orgs": "local",
        "/invitations": "local",
        "/billing": "http://billing:8080",
        "/notifications": "local",
    }


def test_a_process_with_unverified_tokens_does_not_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        env={
            **os.environ,
            "GATEWAY_JWT": "off",
            "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith(
        "only the local one may leave tokens unverified."
    )
