"""What is refused to who asks for the record."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError, Retryable


class AuditExportNotReady(DomainError):
    """The export is not written yet; ask for it again in a few seconds."""

    code: ClassVar[str] = "audit_export_not_ready"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    retryable: ClassVar[Retryable] = "yes"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})
