"""Typed readers of the environment. A missing or bad value stops the start with its name and what was wrong with it.

A value is looked for in three places, and the first that has it wins:

1. the process environment, under NAME (an empty value counts as not set);
2. the file named by NAME_FILE (container secrets);
3. ``STATE_DIR/runtime.json``, which the supervisor of ``make run`` writes; it is believed only while that supervisor
   lives (it holds a lock on ``STATE_DIR/lock``), so ``manage.py NAME`` in a second terminal finds the running servers.

No value is ever repeated in an error: it may be a secret.
"""

import base64
import binascii
import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
DRAIN_SECONDS = 300  # as long as a call may last, unless its campaign says otherwise

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_SHORTEST_KEY = 32  # bytes: what HMAC-SHA256 can use


class NothingRuns(ImproperlyConfigured):
    """The servers' addresses are needed, none is given, and no ``make run`` is alive in STATE_DIR."""


def state_dir() -> Path:
    """The folder of this installation's data: STATE_DIR, else ``.state`` beside manage.py."""
    return Path(os.environ.get("STATE_DIR") or ROOT / ".state").absolute()


def running() -> bool:
    """Whether a supervisor is alive in STATE_DIR. The kernel drops its lock with it, however it died."""
    try:
        lock = os.open(state_dir() / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def text(name: str, default: str | None = None) -> str:
    """The value of NAME; without a default it must be set."""
    found = _lookup(name)
    return _default(name, default) if found is None else found


def secret(name: str, default: str | None = None) -> str:
    """A password, key or token: NAME, or the contents of the file NAME_FILE."""
    return text(name, default)


def integer(name: str, default: int | None = None, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number within bounds."""
    found = _lookup(name)
    if found is None:
        return _default(name, default)
    try:
        value = int(found)
    except ValueError:
        raise bad(name, "is not a whole number") from None
    if minimum is not None and value < minimum:
        raise bad(name, f"must be at least {minimum}")
    if maximum is not None and value > maximum:
        raise bad(name, f"must be at most {maximum}")
    return value


def boolean(name: str, default: bool | None = None) -> bool:  # noqa: FBT001 (reads as the value it is)
    """1, true, yes or on; 0, false, no or off; in any case of letters."""
    found = _lookup(name)
    if found is None:
        return _default(name, default)
    word = found.lower()
    if word not in _TRUE | _FALSE:
        raise bad(name, "must be 1 or 0 (true, false, yes, no, on, off do as well)")
    return word in _TRUE


def words(name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """A list with commas between, blanks around its parts ignored."""
    found = _lookup(name)
    if found is None:
        return _default(name, default)
    return tuple(word.strip() for word in found.split(",") if word.strip())


def url(name: str, default: str | None = None, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """An absolute address without its trailing slash."""
    found = _lookup(name)
    if found is None:
        return _default(name, default)
    try:
        parts = urlsplit(found)
        whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or any(letter.isspace() for letter in found):
        raise bad(name, f"is not an address that starts with {' or '.join(s + '://' for s in schemes)}")
    return found.rstrip("/")


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    """One word of a few, in any case of letters; given as `allowed` spells it."""
    found = _lookup(name) or default
    if found.upper() not in allowed:
        raise bad(name, f"must be one of {', '.join(allowed)}")
    return found.upper()


def time_zone(name: str, default: str) -> str:
    """The name of a zone that this machine knows, like Asia/Kolkata."""
    found = _lookup(name) or default
    try:
        ZoneInfo(found)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise bad(name, "is not a time zone; write it like Asia/Kolkata") from None
    return found


def keys(name: str) -> dict[str, bytes]:
    """Keys as ``kid:base64url[,kid:base64url…]``, in the order given: the first signs, the others only verify."""
    found: dict[str, bytes] = {}
    for word in words(name):
        kid, _, encoded = word.partition(":")
        if not _KEY_ID.fullmatch(kid) or kid in found:
            raise bad(name, "needs key ids of 1 to 16 letters or digits, each once: kid:base64url")
        found[kid] = _key(name, encoded)
    if not found:
        raise _missing(name)
    return found


def database_url(address: str, name: str = "DATABASE_URL") -> dict[str, Any]:
    """The entry of Django's DATABASES for ``postgresql://user:password@host:port/name?option=value``.

    libpq's own parser reads it, so every option that libpq knows (sslmode, several hosts) works and lands in OPTIONS.
    """
    wrong = bad(name, "is not a PostgreSQL address (postgresql://user:password@host:5432/name)")
    if not address.startswith(("postgresql://", "postgres://")):
        raise wrong
    try:
        parts = dict(conninfo_to_dict(address))
    except ProgrammingError:
        raise wrong from None
    if not parts.get("dbname"):
        raise bad(name, "names no database (postgresql://user:password@host:5432/name)")
    known = {key.upper(): str(parts.pop(key, "")) for key in ("user", "password", "host", "port")}
    return {
        "ENGINE": "dialer.postgresql",
        "NAME": str(parts.pop("dbname")),
        **known,
        "OPTIONS": parts,
    }


def email_url(address: str, name: str = "EMAIL_URL") -> dict[str, Any]:
    """Django's EMAIL_* settings for ``smtp+tls://user:password@host:587``, ``consolemail://`` and the like."""
    try:
        return dict(environ.Env.email_url_config(address))
    except (ImproperlyConfigured, ValueError):
        schemes = ", ".join(sorted(environ.Env.EMAIL_SCHEMES))
        raise bad(name, f"is not an e-mail address of a server; it starts with one of {schemes}") from None


def _lookup(name: str) -> str | None:
    return os.environ.get(name) or _from_file(name) or _from_running(name)


def _from_file(name: str) -> str | None:
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise bad(f"{name}_FILE", f"names a file that cannot be read ({reason})") from None


def _from_running(name: str) -> str | None:
    if not running():
        return None
    try:
        values = json.loads((state_dir() / "runtime.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # the supervisor is starting, or going
    found = values.get(name)
    return str(found) if found else None


def _default(name: str, default: T | None) -> T:
    if default is None:
        raise _missing(name)
    return default


def _key(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise bad(name, "holds a key that is not base64url") from None
    if len(key) < _SHORTEST_KEY:
        raise bad(name, f"holds a key shorter than {_SHORTEST_KEY} bytes")
    return key


def _missing(name: str) -> ImproperlyConfigured:
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        return ImproperlyConfigured(f"{name} is not set (nor {name}_FILE).")
    if running():
        return NothingRuns(f"The installation in {state_dir()} is still starting (or stopping): try again.")
    return NothingRuns(f'Nothing runs in {state_dir()}: start it with "make run", or set DATABASE_URL and REDIS_URL.')


def bad(name: str, what: str) -> ImproperlyConfigured:
    """The error of a bad value: "NAME what". `what` must not repeat the value."""
    return ImproperlyConfigured(f"{name} {what}.")
