"""The servers and the environment of a test run, laid out before pytest-django reads them (``-p tests.services``).

Where DATABASE_URL or REDIS_URL is not set, a real PostgreSQL or Redis is started once, in the process that was called;
xdist's workers inherit the addresses. Both go at the end, with their folder, Ctrl-C included. What an operator has set
for a real Exotel account is taken away first: no test may ever reach it.
"""

import contextlib
import os
from collections.abc import Generator

import pytest

from dialer import throwaway
from dialer.supervisor.values import PASSED_ON

# Beginnings of names, so that NAME_FILE is meant as well.
OPERATORS = (*PASSED_ON, "EXOTEL_", "SIMULATOR", "PORT", "DATABASE_POOL")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """A wrapper runs before every plain hook, so before pytest-django's, which imports the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        prepare(early_config)
    return (yield)


def prepare(config: pytest.Config) -> None:
    """Forget the operator's settings, start what is missing, export where it is, and have it stopped at the end."""
    for name in [*os.environ]:
        if name.startswith(OPERATORS):
            del os.environ[name]
    cleanups = contextlib.ExitStack()
    config.add_cleanup(cleanups.close)
    os.environ |= cleanups.enter_context(throwaway.environment()) | {"PUBLIC_URL": "http://127.0.0.1:8000"}
