"""Completes the API's description with what holds for every operation."""

from opencore.describing.completing import complete
from opencore.describing.problems import add_problems

__all__ = ("add_problems", "complete")
