#!/usr/bin/env python
"""Django's command line. Without DATABASE_URL it finds the servers of the running installation (STATE_DIR)."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer.settings")
    from django.core.management import execute_from_command_line

    from dialer import env

    try:
        execute_from_command_line(sys.argv)
    except env.NothingRuns as nothing:
        sys.exit(str(nothing))


if __name__ == "__main__":
    main()
