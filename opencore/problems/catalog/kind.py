"""What a problem's code stands for."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What one code means."""

    code: str
    status: HTTPStatus
    meaning: str
    remedy: str
