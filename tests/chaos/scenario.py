"""What a scenario is: who runs, what is done to it, and what it must come to."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from tests.chaos.lab import Lab


@dataclass(frozen=True, slots=True)
class Extent:
    """How long a fault lasts, and how often a process is killed."""

    seconds: float = 6.0
    kills: int = 65


# What is done, from the moment it begins to the moment at which all is well again.
Fault = Callable[[Lab, Random, Extent], None]
Proof = Callable[[Lab, Collection[str]], str]


def as_it_is(_lab: Lab) -> None:
    """Prepare nothing."""


def nothing_more(_lab: Lab, _keys: Collection[str]) -> str:
    """Prove nothing beside what the log tells."""
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One row of the table.

    A mutant is a broken part that the checker must catch: a suite that does not find
    it would not find ours either.
    """

    id: str
    sentence: str
    fault: Fault
    processes: tuple[str, ...] = ("relay",)
    writers: tuple[str, ...] = ()
    before: Callable[[Lab], None] = as_it_is
    proof: Proof = nothing_more
    mutant: bool = False
