"""Texts in bodies."""

from typing import Any

from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator


class Text(serializers.CharField):
    """Accepts a JSON string alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [
            _WholeCharacters()
            if isinstance(validator, ProhibitSurrogateCharactersValidator)
            else validator
            for validator in self.validators
        ]

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the text, or refuse what would have to be made one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class _WholeCharacters(ProhibitSurrogateCharactersValidator):
    """Refuses halves of characters; looks for them only where there are any.

    To look at each character of a token takes longer than to check its signature.
    """

    def __call__(self, value: Any) -> None:  # noqa: ANN401 -- the signature is the framework's
        try:
            str(value).encode()
        except UnicodeEncodeError:
            super().__call__(value)
