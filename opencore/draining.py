"""Whether this server is about to stop; its parent and all its workers know."""

import mmap

# One byte of memory that forked workers share with the parent that sets it.
_flag = mmap.mmap(-1, 1)


def start_draining() -> None:
    """Say in all workers that no new requests should be sent here."""
    _flag[0] = 1


def is_draining() -> bool:
    """Tell whether the server is about to stop."""
    return _flag[0] == 1


def stop_draining() -> None:
    """Take it back."""
    _flag[0] = 0
