"""What is refused to who invites, is invited, or hands an organization over."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class AlreadyInvited(DomainError):
    """This address has an open invitation; send that one again, or revoke it."""

    code: ClassVar[str] = "already_invited"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class InvitationClosed(DomainError):
    """This invitation was accepted, declined or revoked."""

    code: ClassVar[str] = "invitation_closed"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class InvitationExpired(DomainError):
    """This invitation is too old; ask whoever invited you to send it again."""

    code: ClassVar[str] = "invitation_expired"
    status: ClassVar[HTTPStatus] = HTTPStatus.GONE


class InvitationLimitReached(DomainError):
    """So many invitations are open that there can be no more; revoke some first."""

    code: ClassVar[str] = "invitation_limit_reached"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class ResendLimitReached(DomainError):
    """This invitation was sent as often as it may be; revoke it and invite anew."""

    code: ClassVar[str] = "resend_limit_reached"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class WrongAddress(DomainError):
    """This invitation is for another address; sign in with the one it was sent to."""

    code: ClassVar[str] = "wrong_address"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


class TransferClosed(DomainError):
    """No offer of the ownership is open: it was answered or cancelled, or is too old."""

    code: ClassVar[str] = "transfer_closed"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT


class TransferPending(DomainError):
    """The ownership is being offered to somebody already; cancel that first."""

    code: ClassVar[str] = "transfer_pending"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
