"""Who runs a command, for decisions that are kept with a name."""

import getpass
import socket

from django.core.management.base import CommandError


def whoever_types() -> str:
    """Return the name of who runs the command. Raises CommandError without one."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError) as error:
        raise CommandError("Say who decides this: --actor name.") from error
