"""People."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.serializers.fields import Address
from accounts.serializers.organizations import Name
from opencore.rest import StrictSerializer, Text

# A language, perhaps its script, perhaps a region, perhaps variants (RFC 5646).
TAG = RegexValidator(
    r"\A[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[A-Za-z0-9]{5,8})*\Z",
    "Write a language as a tag of BCP 47, such as en or de-AT.",
)
LONGEST_TAG = 35
REGION, SCRIPT = 2, 4
# Files beside the zones, which name none.
NO_ZONES = {"Factory", "localtime", "posixrules"}


class Locale(Text):
    """Accepts a language that the deployment offers, and spells it as BCP 47 does."""

    default_error_messages = {"unknown": "Use one of: {offered}."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_TAG, validators=[TAG], **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:  # noqa: ANN401 -- the signature is the framework's
        """Return the tag in its usual spelling, or refuse one that is not offered."""
        tag = spelled(super().run_validation(data))
        offered = [spelled(each) for each in settings.LOCALES]
        if offered and tag not in offered:
            self.fail("unknown", offered=", ".join(offered))
        return tag


class TimeZone(Text):
    """Accepts the name of a time zone, such as Europe/Berlin."""

    default_error_messages = {
        "unknown": "Use a name of the IANA time zones, such as Europe/Berlin."
    }

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the name if there is such a zone."""
        name = super().to_internal_value(data)
        if name not in _zones():
            self.fail("unknown")
        return name


class Profile(StrictSerializer):
    """What people say about themselves; what is left out stays."""

    name = Name(required=False, allow_blank=True)
    locale = Locale(required=False)
    time_zone = TimeZone(required=False)


class EmailChange(StrictSerializer):
    """The address that a person wants to have."""

    email = Address()


class UserAnswer(serializers.Serializer[Any]):
    """A person, to themselves."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    locale = serializers.CharField()
    time_zone = serializers.CharField()
    role = serializers.CharField()
    created_at = serializers.DateTimeField()


def spelled(tag: str) -> str:
    """Return a tag of BCP 47 as it is usually written: en, zh-Hant, de-AT."""
    language, *others = tag.split("-")
    return "-".join([language.lower(), *(_cased(each) for each in others)])


def _cased(part: str) -> str:
    if len(part) == REGION:
        return part.upper()
    return part.title() if len(part) == SCRIPT else part.lower()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NO_ZONES)
