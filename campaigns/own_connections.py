"""Connections of our own to the database, beside Django's, and what would make them worthless.

Locks that must die with their process live on a plain connection. Two things would break them, or the promise that a
written intent is never forgotten, without anybody noticing; so both are refused, at the start and by each dial loop:

* `synchronous_commit=off`: a crash of the server forgets intents whose calls were placed;
* a pooler that deals transactions out to servers (PgBouncer with pool_mode=transaction or statement): a session's lock
  stays with the server connection, and belongs to whoever is dealt that one next.
"""

from contextlib import ExitStack
from typing import Any

import psycopg
from django.db import connection

FORGETS = "PostgreSQL runs with synchronous_commit=off: after a crash it forgets calls that were placed."
POOLED = (
    "Between Dialer and PostgreSQL stands a pooler that deals out transactions (PgBouncer in transaction mode): the "
    "lock of a dial loop would belong to whoever comes next."
)
ROUNDS = 4


class UnsafeDatabase(psycopg.OperationalError):
    """This database cannot keep what a dial loop needs; the words say why."""


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """A plain connection to the default database, in autocommit, with keepalives that notice a dead server."""
    return psycopg.connect(**parameters(), autocommit=True)


def safe(own: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Raise UnsafeDatabase if intents or locks are not safe behind this connection."""
    if forgets(own):
        raise UnsafeDatabase(FORGETS)
    if pooled(own):
        raise UnsafeDatabase(POOLED)


def forgets(own: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether a commit is acknowledged before it is on the disk."""
    row = own.execute("SHOW synchronous_commit").fetchone()
    return bool(row and row[0] == "off")


def pooled(own: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether transactions of one connection may run on several servers, or several connections share one.

    A pooler tells its clients a process id of its own making, so a connection that was told the true one is direct:
    one query. Behind a pooler more connections open a transaction each, which keeps a server to itself: if one of them
    is given ours, or we are given another meanwhile, it deals out transactions.
    """
    ours = _server(own)
    if ours == own.info.backend_pid:
        return False
    with ExitStack() as open_connections:
        for _ in range(ROUNDS):
            other = open_connections.enter_context(psycopg.connect(**parameters()))
            try:
                theirs = _server(other)
            except psycopg.errors.ProtocolViolation:  # "transaction blocks not allowed in statement pooling mode"
                return True
            if ours in (theirs, None) or _server(own) != ours:
                return True
    return False


def _server(one: psycopg.Connection[tuple[Any, ...]]) -> int | None:
    """The process of the server that serves the connection now."""
    row = one.execute("SELECT pg_backend_pid()").fetchone()
    return row[0] if row else None


def parameters() -> dict[str, Any]:
    """Where the default database is, for psycopg.connect."""
    at = connection.settings_dict
    known = {
        "host": at["HOST"],
        "port": at["PORT"],
        "dbname": at["NAME"],
        "user": at["USER"],
        "password": at["PASSWORD"],
    }
    ours = {name: value for name, value in at["OPTIONS"].items() if name not in ("pool", "options")}
    return known | ours | {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
