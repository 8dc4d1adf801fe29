"""How amounts are written."""

import pytest

from opencore.currencies import MINOR_DIGITS, written


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (1999, "EUR", "19.99 EUR"),
        (5, "USD", "0.05 USD"),
        (100, "GBP", "1.00 GBP"),
        (1999, "JPY", "1999 JPY"),
        (1999, "KWD", "1.999 KWD"),
        (2**63 - 1, "USD", "92233720368547758.07 USD"),
    ],
)
def test_writes_an_amount_with_its_currencys_digits(
    amount: int, currency: str, words: str
) -> None:
    assert written(amount_minor=amount, currency=currency) == words


def test_refuses_a_currency_that_it_does_not_know() -> None:
    with pytest.raises(KeyError):
        written(amount_minor=1, currency="XXX")


def test_every_code_is_three_capitals() -> None:
    assert [c for c in MINOR_DIGITS if not (len(c) == 3 and c.isupper())] == []
