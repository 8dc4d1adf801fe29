"""Chance that a printed seed brings back."""

from random import Random


def chance_of(*seed: object) -> Random:
    """Return the chance of this seed: the same for the same, whoever asks."""
    return Random(":".join(map(str, seed)))  # noqa: S311 -- no secret
