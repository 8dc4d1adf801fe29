"""Tells a sleeping relay that something was committed; losing a ring costs one poll."""


def ring() -> None:
    """Wake the relays, or give up quickly: they look by themselves in any case."""
