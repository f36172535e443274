"""Servers and keys for one moment: `python -m dialer.throwaway COMMAND…`, and the tests' own.

Where DATABASE_URL or REDIS_URL is not set, a real server is started in a temporary folder, which goes with it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from dialer import embedded, installation

PREFIX = "dialer-throwaway-"
YOUNG = 60.0  # seconds: a folder may be too new to be locked


@contextlib.contextmanager
def environment() -> Iterator[dict[str, str]]:
    """DATABASE_URL, REDIS_URL, STATE_DIR and fresh secrets, good until the end of the block.

    SIGTERM is turned into KeyboardInterrupt for good, so that nothing stays behind. Main thread only.
    """
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_temporary_folder())
        values = installation.fresh_secrets() | {"STATE_DIR": str(folder / "state")}
        for variable, service in (
            ("DATABASE_URL", embedded.Postgres(folder, fast=True)),
            ("REDIS_URL", embedded.Redis(folder, fast=True)),
        ):
            values[variable] = os.environ.get(variable) or stack.enter_context(_served(service))
        yield values


def main() -> int:
    """Run the command line's words with these values; returns its exit status, 130 after Ctrl-C or SIGTERM."""
    try:
        with environment() as values:
            return _run(sys.argv[1:], os.environ | values)
    except KeyboardInterrupt:
        return 130


def _run(command: list[str], values: dict[str, str]) -> int:
    process = subprocess.Popen(command, env=values)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def _served(service: embedded.Service) -> Iterator[str]:
    try:
        with embedded.serving(service):
            yield service.url
    finally:
        service.forget()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    remove_leftovers(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = installation.hold(folder)
    try:
        yield folder
    finally:
        lock.close()
        shutil.rmtree(folder)


def remove_leftovers(temporary: Path) -> None:
    """What a run that was killed with -9 could not remove. A folder in use is locked; a young one may not be yet."""
    for folder in temporary.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, installation.StateInUse):
            ours = folder.stat().st_uid == os.geteuid() and not folder.is_symlink()
            if ours and time.time() - folder.stat().st_mtime > YOUNG:
                with installation.hold(folder, patience=0):
                    shutil.rmtree(folder)


def _as_ctrl_c(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
