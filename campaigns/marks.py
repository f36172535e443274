"""A sign of life for whoever watches this process from outside: a file that is touched while work is taken.

The supervisor, or a container's health check, names the file in SIGN_OF_LIFE; without it nothing is written. It is a
file, because a process must not look dead when only the database or Redis is away.
"""

import contextlib
import os
from pathlib import Path
from time import monotonic

VARIABLE = "SIGN_OF_LIFE"
EVERY = 1.0  # seconds

_written_at = float("-inf")  # monotonic() of this process


def leave() -> None:
    """This process takes work now. Any thread may say so as often as it likes."""
    global _written_at  # noqa: PLW0603 (a clock of the process)
    now = monotonic()
    if now - _written_at < EVERY:
        return
    _written_at = now
    if named := os.environ.get(VARIABLE):
        with contextlib.suppress(OSError):  # a full disk keeps nobody from dialling
            Path(named).touch()
