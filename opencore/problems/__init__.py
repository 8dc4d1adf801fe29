"""One shape for every error: RFC 9457 problems, made without database or templates."""

from opencore.problems.answering import (
    answer,
    is_page,
    problem_of,
    problem_response,
)
from opencore.problems.catalog import PROBLEMS, ProblemKind
from opencore.problems.faults import Fault, fault_of
from opencore.problems.problem import MEDIA_TYPE, Problem

__all__ = (
    "MEDIA_TYPE",
    "PROBLEMS",
    "Fault",
    "Problem",
    "ProblemKind",
    "answer",
    "fault_of",
    "is_page",
    "problem_of",
    "problem_response",
)
