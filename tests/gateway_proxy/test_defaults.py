"""The route table of the settings."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from gateway_proxy.checks import check_gateway
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.table import Limit
from gateway_proxy.defaults import default_table


def test_the_default_table_serves_the_apps(settings: Settings) -> None:
    settings.GATEWAY_UPSTREAMS = {"auth": "http://api:8000", "billing": "http://b"}

    table = default_table()

    assert table.version == 0
    assert {route.prefix: route.upstreams for route in table.routes} == {
        "/auth": ("http://api:8000",),
        "/auth/mfa/verify": ("http://api:8000",),
        "/auth/otp": ("http://api:8000",),
        "/auth/otp/verify": ("http://api:8000",),
        "/auth/step-up": ("http://api:8000",),
        "/billing": ("http://b",),
        "/invitations": ("local",),
        "/notifications": ("local",),
        "/orgs": ("local",),
        "/users": ("local",),
    }


def test_only_signing_in_and_the_links_of_invitations_need_no_token() -> None:
    assert {pair for route in default_table().routes for pair in route.public} == {
        ("POST", "/auth/mfa/verify"),
        ("POST", "/auth/otp"),
        ("POST", "/auth/otp/verify"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/logout"),
        ("GET", "/invitations/*"),
    }


def test_codes_are_neither_asked_for_nor_tried_while_redis_is_down() -> None:
    closed = {
        route.prefix for route in default_table().routes if route.when_down == "closed"
    }

    assert closed == {
        "/auth/mfa/verify",
        "/auth/otp",
        "/auth/otp/verify",
        "/auth/step-up",
    }


def test_many_people_get_four_times_what_one_gets(settings: Settings) -> None:
    settings.GATEWAY_RATE, settings.GATEWAY_BURST = 10, 20

    assert default_table().limits == {
        "address": Limit(Policy("address", 10.0, 20)),
        "network": Limit(Policy("network", 40.0, 80)),
        "user": Limit(Policy("user", 10.0, 20)),
        "org": Limit(Policy("org", 40.0, 80)),
    }


def test_a_default_table_that_no_gateway_could_serve_is_an_error(
    settings: Settings,
) -> None:
    settings.GATEWAY_RATE = float("inf")

    (error,) = check_gateway(None)

    assert error.id == "gateway_proxy.E001"
    assert "/limits/address/rate" in error.msg
    with pytest.raises(ImproperlyConfigured, match="GATEWAY_RATE"):
        default_table()
