"""What an installation keeps in its STATE_DIR between two starts, and while it runs. No Django in here."""

import base64
import contextlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from dialer.embedded import write_private


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
    """Tell a second terminal what runs, in ``runtime.json``; see dialer.env for who reads it and when."""
    write_private(state_dir / "runtime.json", json.dumps(dict(values), indent=1))


def withdraw(state_dir: Path) -> None:
    """Nothing runs any more, or not yet: what a killed run has left must not be believed."""
    with contextlib.suppress(FileNotFoundError):
        (state_dir / "runtime.json").unlink()
