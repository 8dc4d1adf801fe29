"""Lets a client repeat a request without repeating its effect."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from opencore.errors import DomainError, Retryable
from opencore.models import IdempotencyKey
from opencore.privacy import Person, labels
from opencore.problems import answer

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255
LOCK_SEED = 0x0C0A  # sets these advisory locks apart from others of 64 bits
KEPT_HEADERS = ("Location", "ETag")
# Trying these again may end differently, so they must not be remembered.
_PASSING = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


HEADER = "Idempotency-Key"
# Between a person, if it is one's, and the API key by which a program asks.
_BY_KEY = ":"


def key_parameter(description: str, *, required: bool = False) -> OpenApiParameter:
    """Describe the header for an operation."""
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        # What a header can carry: printable ASCII, no space at its ends; quoted or not.
        "pattern": '^(?!""$)[!-~]([ -~]*[!-~])?$',
    }
    return OpenApiParameter(
        HEADER,
        schema,
        OpenApiParameter.HEADER,
        required=required,
        description=description,
    )


KEY_PARAMETER = key_parameter(
    "Made up by the client, the same for each attempt at one effect."
)
F = TypeVar("F", bound=Callable[..., HttpResponseBase])


class IdempotencyKeyRequired(DomainError):
    """This request needs an Idempotency-Key header of 1 to 255 characters."""

    code: ClassVar[str] = "idempotency_key_required"


class IdempotencyInProgress(DomainError):
    """A request with this key is being worked on right now."""

    code: ClassVar[str] = "idempotency_in_progress"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    retryable: ClassVar[Retryable] = "same_idempotency_key"


class IdempotencyMismatch(DomainError):
    """This key was used before, for another request."""

    code: ClassVar[str] = "idempotency_mismatch"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True, slots=True)
class _Scope:
    principal: str
    method: str
    route: str
    key: str

    def lock(self) -> str:
        return "\n".join((self.principal, self.method, self.route, self.key))


def once(
    request: Request, operation: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Answer with the operation's answer, or with what it was answered before.

    The answer is stored in the operation's own transaction: if one is there, so is the
    other. Faults and refusals that may pass are not stored.
    """
    scope, fingerprint = _scope(request), _fingerprint(request)
    now = timezone.now()
    with transaction.atomic():
        _lock(scope)
        stored = _find(scope, now)
        if stored is not None:
            return _replay(stored, fingerprint)
        response = _perform(operation, request)
        _store(scope, fingerprint, response, now)
    return response


def repeatable(operation: F) -> F:
    """Let an operation that makes something be repeated with an Idempotency-Key.

    Not for answers with secrets: they are stored for as long as they can be asked for.
    """

    @wraps(operation)
    def perhaps_once(
        view: Any,  # noqa: ANN401 -- any view
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponseBase:
        perform = partial(operation, view, request, *args, **kwargs)
        if HEADER not in request.headers:
            return perform()
        return once(request, perform)

    return cast("F", extend_schema(parameters=[KEY_PARAMETER])(perhaps_once))


def refuse_bad_key(request: Request) -> None:
    """Refuse a key that is none, also where none is needed."""
    if HEADER in request.headers:
        _key(request)


def delete_expired(*, now: datetime) -> int:
    """Forget answers that nobody may ask for again; return how many there were."""
    deleted, _ = IdempotencyKey.objects.filter(expires_at__lte=now).delete()
    return deleted


class KeptAnswers:
    """The answers that are kept for a person who might repeat a request."""

    erased = labels(IdempotencyKey)

    def erase(self, person: Person, *, now: datetime) -> Mapping[str, int]:  # noqa: ARG002 -- the signature is the protocol's
        """Forget them."""
        own = str(person.user_id)
        kept = IdempotencyKey.objects.filter(
            Q(principal=own) | Q(principal__startswith=f"{own}{_BY_KEY}")
        )
        return {"answers": kept.delete()[0]}


def _scope(request: Request) -> _Scope:
    match = request.resolver_match
    return _Scope(
        principal=_principal_of(request.user),
        method=request.method or "",
        route=match.route if match is not None else request.path,
        key=_key(request),
    )


def _principal_of(user: object) -> str:
    """Return who asks: nobody else, and no other key, is given their answers."""
    person, key = getattr(user, "user_id", None), getattr(user, "key_id", None)
    said = "" if person is None else str(person)
    return said if key is None else f"{said}{_BY_KEY}{key}"


def _key(request: Request) -> str:
    key = request.headers.get(HEADER, "").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyRequired
    return key


def _fingerprint(request: Request) -> bytes:
    said = json.dumps(
        [request.path, sorted(request.query_params.lists()), request.data],
        sort_keys=True,
    )
    return hashlib.sha256(said.encode()).digest()


def _lock(scope: _Scope) -> None:
    # Postgres forgets the lock with the transaction, so a dead process frees the key.
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, %s))",
            [scope.lock(), LOCK_SEED],
        )
        (locked,) = cursor.fetchone()
    if not locked:
        raise IdempotencyInProgress(headers={"Retry-After": "1"})


def _find(scope: _Scope, now: datetime) -> IdempotencyKey | None:
    stored = IdempotencyKey.objects.filter(
        principal=scope.principal,
        method=scope.method,
        route=scope.route,
        key=scope.key,
    )
    stored.filter(expires_at__lte=now).delete()
    return stored.first()


def _replay(stored: IdempotencyKey, fingerprint: bytes) -> HttpResponse:
    if bytes(stored.fingerprint) != fingerprint:
        raise IdempotencyMismatch
    response = HttpResponse(
        bytes(stored.body), status=stored.status, headers=stored.headers
    )
    response["Idempotency-Replayed"] = "true"
    if not response.content:
        del response["Content-Type"]
    return response


def _perform(
    operation: Callable[[], HttpResponseBase], request: Request
) -> HttpResponseBase:
    try:
        # A refusal takes back what the operation did, and is remembered all the same.
        with transaction.atomic():
            return operation()
    except DomainError as error:
        if not _lasts(error.status):
            raise
        return answer(error, request._request)


def _lasts(status: int) -> bool:
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSING


def _store(
    scope: _Scope, fingerprint: bytes, response: HttpResponseBase, now: datetime
) -> None:
    if not _lasts(response.status_code):
        return
    IdempotencyKey.objects.create(
        principal=scope.principal,
        method=scope.method,
        route=scope.route,
        key=scope.key,
        fingerprint=fingerprint,
        status=response.status_code,
        headers=_headers(response),
        body=_body(response),
        created_at=now,
        expires_at=now + KEPT_FOR,
    )


def _headers(response: HttpResponseBase) -> dict[str, str]:
    kept = {name: response[name] for name in KEPT_HEADERS if name in response}
    # The framework's answers get their type when they are rendered, which is later.
    unrendered = isinstance(response, Response)
    kind = JSONRenderer.media_type if unrendered else response["Content-Type"]
    return {**kept, "Content-Type": str(kind)}


def _body(response: HttpResponseBase) -> bytes:
    if isinstance(response, Response):
        if response.data is None:
            return b""
        return bytes(JSONRenderer().render(response.data))
    return bytes(response.content) if isinstance(response, HttpResponse) else b""
