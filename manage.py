#!/usr/bin/env python
"""OpenCore's administrative commands."""

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.local")
    from django.core.management import (  # noqa: PLC0415 -- slow import
        execute_from_command_line,
    )

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
