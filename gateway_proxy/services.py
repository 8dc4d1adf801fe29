"""Changes of the route table: looked at as a whole, published, taken back."""

import logging
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from gateway_proxy.board import Board, BoardUnreachable
from gateway_proxy.core.differences import Difference, differences
from gateway_proxy.core.documents import (
    Document,
    TableInvalid,
    changed,
    document_of,
    merged,
)
from gateway_proxy.core.table import RouteTable
from gateway_proxy.defaults import default_table
from gateway_proxy.errors import NothingToChange, ReasonMissing, TableMoved
from gateway_proxy.models import TableVersion
from gateway_proxy.plantokens import Wish
from gateway_proxy.rows import store_rows
from gateway_proxy.selectors import Published, get_version, latest_published
from opencore.context import current_request_id
from opencore.errors import FieldProblem
from opencore.problems.pointers import pointer_to

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be published after a version, and what that changes."""

    based_on: int
    changes: Document
    table: RouteTable
    differences: tuple[Difference, ...]
    restores: int | None = None


def served_table(*, published: Published) -> RouteTable:
    """Return a version's table, as this process would serve it. Raises TableInvalid."""
    return changed(default_table(), published.changes, published.version)


def table_document(*, published: Published) -> Document:
    """Return the same as a document. Raises TableInvalid."""
    return document_of(served_table(published=published))


def preview_change(*, change: Document) -> Preview:
    """Return what a change would make of the latest version. Raises TableInvalid.

    A change lies over what was changed before; a null in it is as the settings say.
    """
    latest = latest_published()
    return _preview(latest, merged(latest.changes, change))


def preview_replacement(*, changes: Document) -> Preview:
    """Return what it would do if these were all the changes. Raises TableInvalid."""
    return _preview(latest_published(), merged({}, changes))


def preview_restore(*, version: int) -> Preview:
    """Return what bringing back a version would do; 0 is the settings' table.

    Raises VersionUnknown, and TableInvalid if the settings have moved on from it.
    """
    wanted = get_version(version=version).changes if version else {}
    return _preview(latest_published(), wanted, restores=version)


def preview_wish(*, wish: Wish) -> Preview:
    """Return what a wish would do now. Raises TableMoved if it was made before that."""
    if wish.restores is not None:
        preview = preview_restore(version=wish.restores)
    else:
        preview = preview_change(change=wish.change or {})
    if preview.based_on != wish.based_on:
        raise TableMoved
    return preview


@transaction.atomic
def publish_table(*, preview: Preview, actor: str, reason: str) -> TableVersion:
    """Make what was previewed the table of all gateways, and note who did it and why.

    Raises ReasonMissing, NothingToChange, and TableMoved for what was not looked at.
    """
    if not actor.strip() or not reason.strip():
        raise ReasonMissing
    latest = latest_published()
    if preview.based_on != latest.version:
        raise TableMoved
    if preview.changes == latest.changes:
        raise NothingToChange
    published = _store(preview, actor=actor.strip(), reason=reason.strip())
    store_rows(preview.changes)
    transaction.on_commit(hang_latest, robust=True)
    log.warning(
        "route table published",
        extra={
            "version": published.version,
            "actor": published.actor,
            "reason": published.reason,
            "differences": [str(each) for each in preview.differences],
        },
    )
    return published


def hang_latest() -> bool:
    """Put the latest version where gateways look; tell whether Redis took it.

    Nothing is put there before anything was published.
    """
    latest = latest_published()
    if not latest.version:
        return True
    with Board.of_settings() as board:
        try:
            _hang(board, latest)
        except BoardUnreachable as error:
            log.warning("redis did not take the route table", extra={"why": str(error)})
            return False
    return True


def _hang(board: Board, latest: Published) -> None:
    while True:
        board.hang(latest)
        # Another process may have hung up a newer one between the look and the hand.
        now = latest_published()
        if now.version == latest.version:
            return
        latest = now


def _preview(
    latest: Published, changes: Document, *, restores: int | None = None
) -> Preview:
    default = default_table()
    table = changed(default, changes, latest.version + 1)
    _refuse_tokens_without_a_key(table)
    document = document_of(default)
    before, after = merged(document, latest.changes), merged(document, changes)
    return Preview(
        based_on=latest.version,
        changes=changes,
        table=table,
        differences=tuple(differences(before, after)),
        restores=restores,
    )


def _refuse_tokens_without_a_key(table: RouteTable) -> None:
    if settings.JWT_INTERNAL_SIGNING_KEY:
        return
    said = "There is no JWT_INTERNAL_SIGNING_KEY to sign such tokens."
    problems = tuple(
        FieldProblem(pointer_to("routes", route.prefix, "identity"), "no_key", said)
        for route in table.routes
        if route.identity == "token"
    )
    if problems:
        raise TableInvalid(problems)


def _store(preview: Preview, *, actor: str, reason: str) -> TableVersion:
    try:
        with transaction.atomic():
            # Of two that publish after the same version, the second waits and fails.
            return TableVersion.objects.create(
                version=preview.table.version,
                changes=preview.changes,
                actor=actor,
                reason=reason,
                restores=preview.restores,
                request_id=current_request_id(),
            )
    except IntegrityError as error:
        raise TableMoved from error
