"""The operators' endpoints, below /v1/ops/eventing/."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from opencore.authentication import principal_of
from opencore.errors import FieldProblem, NotFound, ValidationFailed
from opencore.idempotency import key_parameter, once, refuse_bad_key
from opencore.permissions import IsOperator
from opencore.rest import page, read_body, read_query
from outbox import plantokens
from outbox.actions import ActionRefused
from outbox.errors import ActionNotPossible, PlanGoneByNow, ReplayEnded
from outbox.holding import hold_key, pause_topic
from outbox.models import DeadLetter, Replay, ReplayItem
from outbox.releasing import release_key, resume_topic, skip_event
from outbox.replay import (
    LettersUnknown,
    OperationEnded,
    OperationUnknown,
    PlanGone,
    Selection,
    begin,
    cancel,
    plan_of,
    prepare,
)
from outbox.replay.causes import groups_of
from outbox.replay.operations import PLANS_LIVE_FOR
from outbox.selectors import (
    attempts_at,
    dead_letters,
    get_dead_letter,
    get_replay,
    items_of,
    replays,
)
from outbox.serializers import (
    AttemptAnswer,
    GroupAnswer,
    GroupList,
    GroupsQuery,
    ItemAnswer,
    ItemPage,
    KeyBody,
    LetterAnswer,
    LetterDetail,
    LetterPage,
    LettersQuery,
    LetterWithAttempts,
    PageQuery,
    PlanAnswer,
    PlanOrReplay,
    PlanRequest,
    ReasonBody,
    ReplayAnswer,
    ReplayPage,
    ReplayRequest,
    ReplayWithItems,
    SkippedAnswer,
    StatusAnswer,
)
from outbox.status import read_status, to_json

FILTERS = ("scope", "type", "topic", "key", "cause", "since", "until")
IDEMPOTENCY_KEY = key_parameter(
    "Required with a plan_token; the same for each attempt at one replay."
)
NOTHING = OpenApiResponse(description="It is done.")


class OperatorView(APIView):
    """An endpoint for operators."""

    permission_classes = (IsOperator,)


class StatusView(OperatorView):
    """How the outbox is."""

    @extend_schema(operation_id="read_outbox_status", responses=StatusAnswer)
    def get(self, request: Request) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """Show what waits, since when, behind what, and who is at work."""
        return Response(to_json(read_status(now=timezone.now())))


class LettersView(OperatorView):
    """The dead letters."""

    @extend_schema(
        operation_id="list_dead_letters",
        parameters=[LettersQuery],
        responses=LetterPage,
    )
    def get(self, request: Request) -> Response:
        """List dead letters, those that died last first."""
        query = read_query(LettersQuery, request)
        letters = dead_letters(selection=_selection(query), state=query["state"])
        return page(letters, request, key=("failed_at", "id")).answer(_show_letter)


class LetterView(OperatorView):
    """One dead letter."""

    @extend_schema(operation_id="read_dead_letter", responses=LetterWithAttempts)
    def get(self, request: Request, letter_id: UUID) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """Show the letter with its exact bytes and the attempts at it."""
        letter = get_dead_letter(letter_id=letter_id)
        attempts = AttemptAnswer(attempts_at(letter=letter), many=True).data
        return Response({**LetterDetail(letter).data, "recorded_attempts": attempts})


class GroupsView(OperatorView):
    """The dead letters by what they died of."""

    @extend_schema(
        operation_id="group_dead_letters",
        parameters=[GroupsQuery],
        responses=GroupList,
    )
    def get(self, request: Request) -> Response:
        """Count dead letters by cause, type and scope, greatest groups first."""
        query = read_query(GroupsQuery, request)
        letters = dead_letters(selection=_selection(query), state=query["state"])
        groups = [GroupAnswer(asdict(group)).data for group in groups_of(letters)]
        return Response({"data": groups})


class ReplaysView(OperatorView):
    """Decisions about dead letters."""

    @extend_schema(
        operation_id="list_replays", parameters=[PageQuery], responses=ReplayPage
    )
    def get(self, request: Request) -> Response:
        """List replays, newest first."""
        read_query(PageQuery, request)
        return page(replays(), request, key=("id",)).answer(_show_replay)

    @extend_schema(
        operation_id="plan_or_begin_replay",
        parameters=[IDEMPOTENCY_KEY],
        request=PlanOrReplay,
        responses={HTTPStatus.OK: PlanAnswer, HTTPStatus.ACCEPTED: ReplayAnswer},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Say what would be replayed; with a plan_token, let exactly that be done."""
        refuse_bad_key(request)
        if isinstance(request.data, dict) and "plan_token" in request.data:
            return once(request, partial(self._begin, request))
        return self._plan(request)

    def _plan(self, request: Request) -> Response:
        body = read_body(PlanRequest, request)
        try:
            operation = prepare(
                selection=_selection(body.get("selection", {})),
                action=Replay.Action(body["action"]),
                actor=_actor(request),
                rate=body.get("rate"),
                limit=body["max"],
                stop_on_failure_rate=body.get("stop_on_failure_rate"),
            )
        except LettersUnknown as error:
            problem = FieldProblem("/selection/ids", "unknown", str(error))
            raise ValidationFailed(errors=(problem,)) from error
        return Response(
            {
                "plan_token": plantokens.seal(operation),
                "expires_at": _soon(),
                **plan_of(operation).to_json(),
            }
        )

    def _begin(self, request: Request) -> Response:
        body, actor = read_body(ReplayRequest, request), _actor(request)
        try:
            operation = begin(
                operation_id=plantokens.unseal(body["plan_token"], actor=actor),
                actor=actor,
                reason=body["reason"],
                now=timezone.now(),
            )
        except PlanGone as error:
            raise PlanGoneByNow from error
        location = reverse("ops-replay", args=(operation.id,))
        return Response(
            _show_replay(operation),
            HTTPStatus.ACCEPTED,
            headers={"Location": location},
        )


class ReplayView(OperatorView):
    """One decision about dead letters."""

    @extend_schema(operation_id="read_replay", responses=ReplayWithItems)
    def get(self, request: Request, operation_id: UUID) -> Response:  # noqa: ARG002 -- the signature is the framework's
        """Show how far it is, with its first items, those refused before others."""
        operation = get_replay(operation_id=operation_id)
        items = ItemAnswer(items_of(operation=operation), many=True).data
        return Response({**_show_replay(operation), "items": items})


class ReplayItemsView(OperatorView):
    """What became of each letter of a replay."""

    @extend_schema(
        operation_id="list_replay_items", parameters=[PageQuery], responses=ItemPage
    )
    def get(self, request: Request, operation_id: UUID) -> Response:
        """List all items, the last letter first."""
        read_query(PageQuery, request)
        items = get_replay(operation_id=operation_id).items.all()
        return page(items, request, key=("id",)).answer(_show_item)


class CancelView(OperatorView):
    """The end of a replay before its end."""

    @extend_schema(operation_id="cancel_replay", request=None, responses=ReplayAnswer)
    def post(self, request: Request, operation_id: UUID) -> Response:
        """Let the replay end before its next letters; asking again changes nothing."""
        try:
            operation = cancel(operation_id=operation_id, actor=_actor(request))
        except OperationUnknown as error:
            raise NotFound("There is no such replay.") from error
        except OperationEnded as error:
            raise ReplayEnded from error
        return Response(_show_replay(operation))


class HoldKeyView(OperatorView):
    """A key is made to wait."""

    @extend_schema(operation_id="hold_key", request=KeyBody, responses={204: NOTHING})
    def post(self, request: Request) -> Response:
        """Let the events of a key wait until somebody releases it."""
        body = read_body(KeyBody, request)
        return _decide(partial(hold_key, **body, actor=_actor(request)))


class ReleaseKeyView(OperatorView):
    """A key may go on."""

    @extend_schema(
        operation_id="release_key", request=KeyBody, responses={204: NOTHING}
    )
    def post(self, request: Request) -> Response:
        """Let the events of a key go on that wait behind nothing any more."""
        body = read_body(KeyBody, request)
        return _decide(partial(release_key, **body, actor=_actor(request)))


class SkipKeyView(OperatorView):
    """A key goes on without the event that it waits behind."""

    @extend_schema(operation_id="skip_event", request=KeyBody, responses=SkippedAnswer)
    def post(self, request: Request) -> Response:
        """Give up the event that a key waits behind; it stays as a discarded letter."""
        body = read_body(KeyBody, request)
        try:
            event_id = skip_event(**body, actor=_actor(request))
        except ActionRefused as error:
            raise ActionNotPossible(str(error)) from error
        return Response({"event_id": event_id})


class PauseTopicView(OperatorView):
    """A topic is made to wait."""

    @extend_schema(
        operation_id="pause_topic", request=ReasonBody, responses={204: NOTHING}
    )
    def post(self, request: Request, topic: str) -> Response:
        """Let nothing be sent to a topic until somebody resumes it."""
        body = read_body(ReasonBody, request)
        return _decide(partial(pause_topic, topic=topic, actor=_actor(request), **body))


class ResumeTopicView(OperatorView):
    """A topic may go on."""

    @extend_schema(
        operation_id="resume_topic", request=ReasonBody, responses={204: NOTHING}
    )
    def post(self, request: Request, topic: str) -> Response:
        """Let the relays send to a paused topic again."""
        body = read_body(ReasonBody, request)
        return _decide(
            partial(resume_topic, topic=topic, actor=_actor(request), **body)
        )


def _decide(act: Callable[[], None]) -> Response:
    try:
        act()
    except ActionRefused as error:
        raise ActionNotPossible(str(error)) from error
    return Response(status=HTTPStatus.NO_CONTENT)


def _selection(asked: dict[str, Any]) -> Selection:
    filters = {name: asked.get(name) for name in FILTERS}
    return Selection(
        ids=tuple(asked.get("ids", ())), reason_class=asked.get("reason"), **filters
    )


def _actor(request: Request) -> str:
    return str(principal_of(request).user_id)


def _soon() -> datetime:
    return timezone.now() + PLANS_LIVE_FOR


def _show_letter(letter: DeadLetter) -> dict[str, Any]:
    return dict(LetterAnswer(letter).data)


def _show_replay(operation: Replay) -> dict[str, Any]:
    return dict(ReplayAnswer(operation).data)


def _show_item(item: ReplayItem) -> dict[str, Any]:
    return dict(ItemAnswer(item).data)
