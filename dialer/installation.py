"""What an installation keeps in its STATE_DIR: the lock of the run, ports, passwords, secrets, runtime.json.

No Django in here. dialer.env reads runtime.json, and says when it may be believed.
"""

import base64
import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


class StateInUse(Exception):
    """Another process holds this STATE_DIR."""


def fresh_secrets() -> dict[str, str]:
    """SECRET_KEY, TOKEN_KEYS (``kid:base64url``) and ENCRYPTION_KEYS (Fernet), new ones."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TOKEN_KEYS": f"k1:{secrets.token_urlsafe(48)}",  # 48 bytes need no padding
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def kept_secrets(state_dir: Path) -> dict[str, str]:
    """The secrets of this installation, made at the first start and kept in ``secrets.json``.

    A file that cannot be read stops the start: new keys could not decrypt what the old ones encrypted.
    """
    path = state_dir / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    complete = fresh_secrets() | known
    if complete != known:
        write_private(path, json.dumps(complete, indent=1))
    return complete


def publish(state_dir: Path, values: Mapping[str, object]) -> None:
    """Tell a second terminal what runs, in ``runtime.json``."""
    write_private(state_dir / "runtime.json", json.dumps(dict(values), indent=1))


def withdraw(state_dir: Path) -> None:
    """Nothing runs any more, or not yet: what a killed run has left must not be believed."""
    with contextlib.suppress(FileNotFoundError):
        (state_dir / "runtime.json").unlink()


def hold(state_dir: Path, *, patience: float = 1.0) -> TextIO:
    """Take STATE_DIR for this process until the returned file is closed or the process ends, however it ends.

    `patience` seconds are waited, since a reader that looks whether anybody holds it has it for a blink.
    Raises StateInUse.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (state_dir / "lock").open("a", encoding="utf-8")
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise StateInUse(f"{state_dir} is in use by another run.") from None
            time.sleep(0.05)
        else:
            return lock


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    draft.replace(path)


def kept(path: Path) -> str:
    """The password in this file, made at the first call."""
    if not path.exists():
        write_private(path, secrets.token_hex(16))
    return path.read_text(encoding="utf-8")


def stable_port(state_dir: Path, name: str) -> int:
    """The port of the last start if it is still free, else a new one, remembered in ``ports.json``."""
    path = state_dir / "ports.json"
    try:
        ports: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        ports = {}
    if name not in ports or not port_is_free(ports[name]):
        ports[name] = _new_port(frozenset(ports.values()))
        write_private(path, json.dumps(ports))
    return ports[name]


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _new_port(taken: frozenset[int]) -> int:
    """A free port below the range the kernel hands to outgoing connections.

    From inside that range a client that keeps trying to reach a dead server can be given the server's own port as its
    source, connect to itself, and keep the server from ever coming back.
    """
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for port in random.SystemRandom().sample(range(20_000, max(lowest_outgoing, 30_000)), 200):
        if port not in taken and port_is_free(port):
            return port
    raise OSError("No free port was found on 127.0.0.1.")
