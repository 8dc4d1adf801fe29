"""An operator at the admin's pages, from the password on."""

import re
from dataclasses import dataclass, field

from django.http.response import HttpResponseBase
from django.test import Client

LOGIN = "/admin/login/"
PROOF = "/admin/login/proof/"


@dataclass
class Operator:
    """A browser that asks for forms before it fills them in."""

    address: str
    browser: Client = field(init=False)

    def __post_init__(self) -> None:
        self.browser = Client(enforce_csrf_checks=True, REMOTE_ADDR=self.address)

    def tell_password(
        self, name: str, password: str, *, going_to: str = "/admin/"
    ) -> tuple[str, bytes]:
        """Return where that leads, and the page there."""
        return self._fill_in(
            f"{LOGIN}?next={going_to}", username=name, password=password
        )

    def tell(self, code: str) -> tuple[str, bytes]:
        """Return where a code leads, and the page there."""
        return self._fill_in(PROOF, code=code)

    def get(self, path: str) -> bytes:
        """Return a page."""
        return self.browser.get(path).content

    def post(self, path: str, **fields: str) -> HttpResponseBase:
        """Return the answer to a form that was filled in."""
        token = self._token(path)
        return self.browser.post(path, {**fields, "csrfmiddlewaretoken": token})

    def _fill_in(self, path: str, **fields: str) -> tuple[str, bytes]:
        fields["csrfmiddlewaretoken"] = self._token(path)
        response = self.browser.post(path, fields, follow=True)
        return response.request["PATH_INFO"], response.content

    def _token(self, path: str) -> str:
        form = self.browser.get(path).content.decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        # A page that leads elsewhere has no form; that of the password has one.
        return found[1] if found else self._token(LOGIN)
