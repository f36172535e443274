"""A witness outside the database: the last call of each account, in Redis and in a file of STATE_DIR.

A database that was put back from a copy cannot know that it was; whoever has seen its last calls can. So a dial loop
writes down, once a second, the last intent whose commit was acknowledged: never one that a crash could still undo. Both
places hold the marks of all accounts, and of two marks of an account the one with the higher attempt is believed, so
each place may be lost, garbled or behind. What the marks mean for dialling: campaigns.gaps.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two writes
PATIENCE = 1.0  # seconds for an answer of Redis, and for another process that writes the file
LEAVE = 5.0  # seconds that the end of a loop waits for its last mark


@dataclass(frozen=True, slots=True)
class Mark:
    """The last call of an account that somebody outside the database knows of.

    `owner` is the number of the loop that wrote the intent `attempt`; 0: no intent has this number, everything up to it
    is accounted for. `at` is when, `over` when the last of all its calls must have ended.
    """

    attempt: int
    owner: int
    at: datetime
    over: datetime


Marks = Mapping[int, Mark]  # by account


@dataclass(frozen=True, slots=True)
class Known:
    """What the two places hold together. Not `certain`: Redis did not answer, and may hold more."""

    marks: Marks
    certain: bool


def merged(*several: Marks) -> dict[int, Mark]:
    """Of each account the mark with the highest attempt; whatever must be over by then stays so."""
    found: dict[int, Mark] = {}
    for marks in several:
        for account, mark in marks.items():
            low, high = sorted((mark, found.get(account, mark)), key=lambda one: one.attempt)
            found[account] = Mark(high.attempt, high.owner, high.at, max(low.over, high.over))
    return found


def highest(marks: Marks) -> int:
    """No attempt that anybody knows of has a higher number."""
    return max((mark.attempt for mark in marks.values()), default=0)


def read(key: UUID) -> Known:
    """The marks of the installation `key`."""
    in_redis = _from_redis(key)
    return Known(merged(_from_file(key), in_redis or {}), certain=in_redis is not None)


def keep(key: UUID, marks: Marks) -> Known:
    """Write marks to both places, and read what others wrote there. `certain`: at least one of the two took them."""
    in_redis = _to_redis(key, marks)
    together = merged(marks, in_redis or {})
    in_file = _to_file(key, together)
    return Known(merged(together, in_file or {}), certain=in_redis is not None or in_file is not None)


# ------------------------------------------------------------------------------------------------------- in writing
def written(key: UUID, account: int, mark: Mark) -> str:
    """`attempt owner at over sum`: the sum tells a mark of this installation and account from garbage."""
    text = f"{mark.attempt} {mark.owner} {mark.at.isoformat()} {mark.over.isoformat()}"
    return f"{text} {_sum(key, account, text)}"


def understood(key: UUID, account: int, line: str) -> Mark | None:
    """What `written` wrote; None for anything else."""
    text, _, given = line.rpartition(" ")
    if given != _sum(key, account, text):
        return None
    attempt, owner, at, over = text.split(" ")
    return Mark(int(attempt), int(owner), datetime.fromisoformat(at), datetime.fromisoformat(over))


def _sum(key: UUID, account: int, text: str) -> str:
    return hashlib.sha256(f"{key} {account} {text}".encode()).hexdigest()[:16]


def _all(key: UUID, pairs: Mapping[str, str]) -> dict[int, Mark]:
    found = {}
    for account, line in pairs.items():
        mark = understood(key, int(account), line) if account.isascii() and account.isdigit() else None
        if mark is not None:
            found[int(account)] = mark
        else:
            log.warning("a mark of the witness cannot be read, and does not count")
    return found


# ------------------------------------------------------------------------------------------------------------ Redis
# A mark is replaced by a higher one only: a loop that was frozen may wake up with an old one.
_RAISE = """
    local known = redis.call('HGET', KEYS[1], ARGV[1])
    local before = known and tonumber(string.match(known, '^%d+') or '')
    if before and before >= tonumber(ARGV[2]) then return known end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    return ARGV[3]"""


@lru_cache(maxsize=2)
def _server(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


def _name(key: UUID) -> str:
    return f"dialer:witness:{key}"


def _from_redis(key: UUID) -> dict[int, Mark] | None:
    """None: it does not answer."""
    try:
        found: Any = _server(settings.REDIS_URL).hgetall(_name(key))
    except (redis.RedisError, OSError) as trouble:
        log.info("Redis does not tell the last calls: %s", trouble)
        return None
    return _all(key, found)


def _to_redis(key: UUID, marks: Marks) -> dict[int, Mark] | None:
    try:
        server = _server(settings.REDIS_URL)
        for account, mark in marks.items():
            line = written(key, account, mark)
            kept: Any = server.eval(_RAISE, 1, _name(key), str(account), str(mark.attempt), line)
            if understood(key, account, kept) is None:  # garbage that begins with a high number
                server.hset(_name(key), str(account), line)
    except (redis.RedisError, OSError) as trouble:
        log.info("Redis does not take the last calls: %s", trouble)
        return None
    return _from_redis(key)


# ------------------------------------------------------------------------------------------------------------- file
def _path(key: UUID) -> Path:
    return Path(settings.WITNESS_DIR) / f"{key}.txt"


def _from_file(key: UUID) -> dict[int, Mark]:
    try:
        lines = _path(key).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as trouble:
        log.warning("the witness of the last calls cannot be read: %s", trouble)
        return {}
    return _all(key, dict(line.split(" ", 1) for line in lines if " " in line))


def _to_file(key: UUID, marks: Marks) -> dict[int, Mark] | None:
    try:
        with _alone(_path(key)):
            known = _from_file(key)
            together = merged(known, marks)
            if together != known:
                _write(_path(key), "".join(f"{one} {written(key, one, mark)}\n" for one, mark in together.items()))
    except OSError as trouble:
        log.warning("the witness of the last calls cannot be written: %s", trouble)
        return None
    return together


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time, of all processes on the machine. Raises TimeoutError if another one never ends."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    until = time.monotonic() + PATIENCE
    with path.with_suffix(".lock").open("a", encoding="utf-8") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("another process holds its lock") from None
                time.sleep(0.02)
        yield


def _write(path: Path, content: str) -> None:
    """Whole or not at all, after a power loss too: an empty file would say that nobody was ever called."""
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


# ------------------------------------------------------------------------------------------------------- once a second
class Keeper:
    """Writes what one loop has seen, in a thread of its own: a slow disk or a dead Redis costs no call its turn.

    `floor` is the highest attempt that anybody had known of a moment ago: the next intent must have a higher number.
    """

    def __init__(self, key: UUID, account_id: int) -> None:
        self._key, self._account_id = key, account_id
        self._marks: Marks = {}
        self._seen: Mark | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"witness of {account_id}", daemon=True)

    @property
    def floor(self) -> int:
        return max(self._seen.attempt if self._seen else 0, highest(self._marks))

    def saw(self, attempt: int, owner: int, *, lasts: int) -> None:
        """An intent of the account whose commit was acknowledged; its call is over in `lasts` seconds at the latest."""
        now = datetime.now(UTC)
        self._seen = Mark(attempt, owner, now, now + timedelta(seconds=lasts))

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(LEAVE)

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            self._keep()
        self._keep()

    def _keep(self) -> None:
        """Once a second also without a new call: Redis may have been emptied meanwhile."""
        if (seen := self._seen) is not None:
            self._marks = merged(self._marks, {self._account_id: seen})
        self._marks = keep(self._key, self._marks).marks
