"""What each part of a document may hold, looked at by itself."""

import re
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

from gateway_proxy.core.addresses import is_address
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import WhenDown
from gateway_proxy.core.messages import METHODS
from gateway_proxy.core.table import Identity, Limit, Timeouts

MOST_ASSIGNMENTS = 50_000
LARGEST_BODY = 1024 * 1024 * 1024
# OpenCore's own paths; a route over one of them would take it away.
RESERVED = frozenset(
    {
        *("admin", "docs", "livez", "metrics", "openapi.json", "problems"),
        *("readyz", "startupz", "static", "v1"),
    }
)

_PREFIX = re.compile(r"(?:/[a-z0-9_~-][a-z0-9._~-]*)+")
# Printable, and without the marks that begin a query or a fragment.
_PUBLIC = re.compile(rf"(?:{'|'.join(METHODS)}) /[!\"$->@-~]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DEFAULT = Timeouts()


def _is_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise PydanticCustomError(
            "prefix",
            "Use whole segments of a-z, 0-9, '.', '_', '~' and '-' that don't begin"
            " with a dot, such as /billing/invoices",
        )
    if text.split("/")[1] in RESERVED:
        raise PydanticCustomError("reserved", "This path is OpenCore's own")
    return text


def _is_upstream(text: str) -> str:
    if not is_address(text):
        raise PydanticCustomError(
            "upstream",
            "Use 'local', http[s]://host[:port][/path] or unix:/path/to.sock",
        )
    return text


def _is_public(text: str) -> str:
    if not _PUBLIC.fullmatch(text):
        raise PydanticCustomError(
            "public", "Use a method and a path, such as 'POST /auth/refresh'"
        )
    return text


def _is_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PydanticCustomError("name", "Use up to 63 of a-z, 0-9, '_' and '-'")
    return text


Prefix = Annotated[str, Field(max_length=200), AfterValidator(_is_prefix)]
Address = Annotated[str, Field(max_length=500), AfterValidator(_is_upstream)]
Public = Annotated[str, Field(max_length=500), AfterValidator(_is_public)]
PlanName = Annotated[str, AfterValidator(_is_name)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
TableLimit = Literal["address", "network", "user", "org"]
RouteLimit = Literal["address", "network", "user", "org", "route"]
PlanLimit = Literal["user", "org"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )


class LimitDocument(_Part):
    """The numbers of one kind of bucket."""

    rate: float = Field(gt=0, le=1_000_000)
    burst: int = Field(ge=1, le=1_000_000_000)
    shadow: bool = False

    def as_limit(self, name: str) -> Limit:
        """Return the limit of this name."""
        return Limit(Policy(name, self.rate, self.burst), shadow=self.shadow)


class TimeoutsDocument(_Part):
    """Seconds that an upstream has."""

    connect: Seconds = _DEFAULT.connect
    head: Seconds = _DEFAULT.head
    whole: Seconds = _DEFAULT.whole


class RouteDocument(_Part):
    """One route; one that is not enabled is not in the table."""

    enabled: bool = True
    upstreams: list[Address] = Field(default=["local"], min_length=1, max_length=100)
    public: list[Public] = Field(default=[], max_length=1000)
    audience: str = Field(default="", max_length=200)
    cost: int = Field(default=1, ge=1)
    when_down: WhenDown = "local"
    limits: dict[RouteLimit, LimitDocument] = {}
    body_limit: int = Field(default=1024 * 1024, ge=0, le=LARGEST_BODY)
    timeouts: TimeoutsDocument = TimeoutsDocument()
    identity: Identity = "headers"
    api_keys: bool = False


class TableDocument(_Part):
    """A whole table."""

    version: int = Field(default=0, ge=0)
    routes: dict[Prefix, RouteDocument] = Field(max_length=1000)
    limits: dict[TableLimit, LimitDocument]
    plans: dict[PlanName, dict[PlanLimit, LimitDocument]] = {}
    plan_of: dict[Annotated[UUID, Strict(strict=False)], str] = Field(
        default={}, max_length=MOST_ASSIGNMENTS
    )
