"""What is refused to staff who would act as somebody."""

from http import HTTPStatus
from typing import ClassVar

from opencore.errors import DomainError


class NotToBeImpersonated(DomainError):
    """Nobody acts as staff, as themselves, or as who was deactivated."""

    code: ClassVar[str] = "not_to_be_impersonated"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN
