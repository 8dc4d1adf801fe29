"""The words of the notifications."""

import pytest

from notifications.services.texts import FOLDER, render

WORDS = {
    "email": "ada@example.com",
    "inviter": "Grace",
    "organization": "Acme",
    "role": "member",
    "link": "https://example.com/join/abc",
    "code": "12345678",
    "expires_at": "12:00 UTC",
    "locked_until": "2028-02-29 at 00:00 UTC",
    "amount": "19.99 EUR",
    "payment_id": "p1",
    "noticed_at": "2028-02-29 at 00:00 UTC",
    "plan": "pro",
    "moment": "2028-02-29 at 00:00 UTC",
    "expired_at": "2028-02-29 at 00:00 UTC",
    "may": "only look",
    "reason": "Ticket 7",
    "left": "7",
}
KINDS = sorted(path.stem for path in FOLDER.glob("*.txt"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_has_a_title_and_a_body(kind: str) -> None:
    text = render(kind, **WORDS)

    assert text.title == text.title.strip() != ""
    assert "\n" not in text.title
    assert text.body.endswith(".\n") or text.body.endswith("p1\n")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"sign_in_code"}))
def test_no_text_is_rendered_with_a_hole(kind: str) -> None:
    with pytest.raises(KeyError):
        render(kind, nothing="")
