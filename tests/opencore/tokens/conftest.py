"""What several files of tests about tokens begin with."""

import pytest
from pytest_django import Settings

from opencore.tokens import fetching
from opencore.tokens.fetching import FetchedKeys
from tests.opencore.tokens.forging import jwk
from tests.opencore.tokens.idp import IDP, KEYS_URL, OURS
from tests.opencore.tokens.publisher import Published


@pytest.fixture
def published(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Let the settings trust another issuer, whose keys are there at once."""
    found = Published(jwk("ES256", kid="ES256"))
    monkeypatch.setitem(fetching._by_url, KEYS_URL, FetchedKeys(KEYS_URL, fetch=found))
    settings.PUBLIC_URL = OURS
    settings.JWT_ISSUERS = {IDP: (KEYS_URL, "")}
    return found
