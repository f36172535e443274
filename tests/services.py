"""The servers and the environment of a test run, laid out before pytest-django reads them (``-p tests.services``).

Where DATABASE_URL or REDIS_URL is not set, a real PostgreSQL or Redis is started once, in a temporary folder, in the
process that was called; xdist's workers inherit the addresses. Both go at the end, with the folder. What an operator
has set for a real Exotel account is taken away first: no test may ever reach it.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest

from dialer import embedded, installation

PREFIX = "dialer-tests-"
OPERATORS = ("EXOTEL_", "SIMULATOR")
OPERATORS_OWN = frozenset({"PORT", "PUBLIC_STREAM_URL", "RECORDING_HOSTS", "EMAIL_URL", "ADMIN"})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """A wrapper runs before every plain hook, so before pytest-django's, which imports the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        prepare(early_config)
    return (yield)


def prepare(config: pytest.Config) -> None:
    """Start what is missing, export where it is, and have it stopped at the end of the run, Ctrl-C included."""
    cleanups = contextlib.ExitStack()
    config.add_cleanup(cleanups.close)
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    for name in [*os.environ]:
        if name.startswith(OPERATORS) or name in OPERATORS_OWN:
            del os.environ[name]
    folder = cleanups.enter_context(_temporary_folder())
    for variable, service in (
        ("DATABASE_URL", embedded.Postgres(folder, fast=True)),
        ("REDIS_URL", embedded.Redis(folder, fast=True)),
    ):
        if not os.environ.get(variable):
            cleanups.enter_context(embedded.serving(service))
            os.environ[variable] = service.url
    os.environ |= installation.fresh_secrets() | {
        "STATE_DIR": str(folder / "state"),
        "PUBLIC_URL": "http://127.0.0.1:8000",
    }


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = installation.hold(folder)
    try:
        yield folder
    finally:
        lock.close()
        shutil.rmtree(folder)


def _remove_leftovers() -> None:
    """What a run that was killed with -9 could not remove. A folder in use is locked; a new one may not be yet."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, installation.StateInUse):
            mine = folder.stat().st_uid == os.geteuid() and not folder.is_symlink()
            if mine and time.time() - folder.stat().st_mtime > 60:
                with installation.hold(folder, patience=0):
                    shutil.rmtree(folder)


def _as_ctrl_c(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
