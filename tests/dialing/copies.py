"""Copies of the test's own database, and putting one back: what a restore does, by the server's own means."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from campaigns import own_connections


class Copy:
    """The database as it was when this was made. Whoever is connected loses the connection, as in a restore."""

    def __init__(self) -> None:
        self._original = str(connection.settings_dict["NAME"])
        self._name = f"{self._original}_copy"
        with _elsewhere(self._original) as server:
            _drop(server, self._name)
            _duplicate(server, self._original, self._name)

    def put_back(self) -> None:
        with _elsewhere(self._original) as server:
            _drop(server, self._original)
            _duplicate(server, self._name, self._original)

    def remove(self) -> None:
        with _elsewhere(self._original) as server:
            _drop(server, self._name)


def _drop(server: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _duplicate(server: psycopg.Connection[tuple[Any, ...]], source: str, name: str) -> None:
    words = "CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log"
    server.execute(sql.SQL(words).format(sql.Identifier(name), sql.Identifier(source)))


@contextmanager
def _elsewhere(name: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to another database of the server, while nobody may connect to this one."""
    connection.close()
    at = own_connections.parameters() | {"dbname": "postgres"}
    closed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(**at, autocommit=True) as server:
        server.execute(closed.format(sql.Identifier(name), sql.SQL("false")))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield server
        finally:
            server.execute(closed.format(sql.Identifier(name), sql.SQL("true")))
