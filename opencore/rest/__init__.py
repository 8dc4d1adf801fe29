"""What every endpoint shares: strict bodies, one error shape, pages by cursor."""

from opencore.problems import Problem, problem_response
from opencore.rest import describing as _describing  # noqa: F401 -- registers itself
from opencore.rest.deprecation import deprecated_operation
from opencore.rest.etags import (
    PreconditionFailed,
    PreconditionRequired,
    answer_version,
    changes_version,
    check_if_match,
    etag_of,
    shows_version,
)
from opencore.rest.exceptions import answer_exception
from opencore.rest.filtering import FLAG, IDENTITY, TIME, Filter, Listing, Sort
from opencore.rest.pagination import CursorMismatch, CursorPage, page
from opencore.rest.parsing import MalformedBody, StrictJSONParser
from opencore.rest.serializers import StrictSerializer, read_body, read_query
from opencore.rest.strictness import WholeNumber
from opencore.rest.texts import Text

__all__ = (
    "FLAG",
    "IDENTITY",
    "TIME",
    "CursorMismatch",
    "CursorPage",
    "Filter",
    "Listing",
    "MalformedBody",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "Sort",
    "StrictJSONParser",
    "StrictSerializer",
    "Text",
    "WholeNumber",
    "answer_exception",
    "answer_version",
    "changes_version",
    "check_if_match",
    "deprecated_operation",
    "etag_of",
    "page",
    "problem_response",
    "read_body",
    "read_query",
    "shows_version",
)
