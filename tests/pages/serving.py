"""The pages (and the media socket) as production serves them, by Daphne, over the test's own database.

The recording's answer is asynchronous, so Django's live server (WSGI) cannot give it.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from django.db import connection

from dialer import env

PATIENCE = 40.0  # seconds until the first answer, on a busy machine


@contextmanager
def served(state_dir: Path, *, at_noon: bool = False) -> Iterator[str]:
    """The address; STATE_DIR/media holds what was stored. The process ends with the block."""
    with serving(state_dir, at_noon=at_noon) as (address, _):
        yield address


@contextmanager
def serving(
    state_dir: Path, *, at_noon: bool = False, **environment: str
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address and the process, which ends with the block at the latest. `at_noon`: with the clock of noon.py."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = (
        sys.executable, "-m", *(["tests.pages.noon"] if at_noon else []), "dialer.serving",
        "-b", "127.0.0.1", "-p", str(port), "-v", "0", "dialer.asgi:application",
    )  # fmt: skip
    values = {"DATABASE_URL": _database_url(), "STATE_DIR": str(state_dir), "PUBLIC_URL": address, "PORT": str(port)}
    with (state_dir / "daphne.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=env.ROOT, env={**os.environ, **values, **environment}, stdout=log, stderr=log
        )
    try:
        _wait(process, address, state_dir / "daphne.log")
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{address}/health", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the pages do not answer: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def _database_url() -> str:
    """DATABASE_URL with the name of the test's database."""
    before, _, rest = os.environ["DATABASE_URL"].rpartition("/")
    query = rest.partition("?")[2]
    return f"{before}/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")
