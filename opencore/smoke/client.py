"""A client of the API, as a newcomer would write one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen


class CallFailed(Exception):
    """The system answered with an error, or not at all."""


@dataclass
class Client:
    """Speaks JSON to the gateway, as one person once that person signed in."""

    base_url: str
    token: str = ""
    timeout: float = 15.0
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON is any shape
        """Return the answer's JSON. Raises CallFailed."""
        return self._call("GET", path, None, {})

    def post(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 -- JSON is any shape
        """Send JSON and return the answer's. Raises CallFailed."""
        return self._call("POST", path, json.dumps(body).encode(), headers or {})

    def _call(
        self, method: str, path: str, body: bytes | None, extra: Mapping[str, str]
    ) -> Any:  # noqa: ANN401 -- JSON is any shape
        headers = {"Content-Type": "application/json", **self.headers, **extra}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = Request(  # noqa: S310 -- the address comes from the operator
            self.base_url + path, data=body, headers=headers, method=method
        )
        try:
            with urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 -- as above
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            raise CallFailed(f"{method} {path}: {_said(error)}") from error
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise CallFailed(f"{method} {path}: {error}") from error


def _said(error: HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return f"{error.code} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code}"
