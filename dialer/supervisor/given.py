"""Servers of the operator's own, DATABASE_URL and REDIS_URL: looked at before anything starts that needs them.

What cannot be reached is said in one sentence, instead of in the traceback of whatever meets it first.
"""

import contextlib

import psycopg
import redis

from dialer import env

PATIENCE = 5  # seconds to connect
SOON = 2  # the same, for servers that served already


def server(name: str) -> str:
    """The address in the environment if a server answers there, "" if none is given. Raises ImproperlyConfigured."""
    address = env.secret(name, "")
    if address:
        {"DATABASE_URL": _database, "REDIS_URL": _redis}[name](address)
    return address


def answer(database: str, redis_address: str) -> bool:
    """Whether both servers serve now: who hangs while they do not may only wait for them. Takes up to 5 s."""
    try:
        psycopg.connect(database, connect_timeout=SOON).close()
        client = redis.Redis.from_url(redis_address, socket_connect_timeout=SOON, socket_timeout=SOON)
        with contextlib.closing(client):
            client.ping()
    except (psycopg.Error, redis.RedisError):
        return False
    return True


def _database(address: str) -> None:
    env.database_url(address)
    try:
        psycopg.connect(address, connect_timeout=PATIENCE).close()
    except psycopg.Error as trouble:
        raise env.bad("DATABASE_URL", f"names a server that cannot be used: {_first_line(trouble)}") from None


def _redis(address: str) -> None:
    try:
        client = redis.Redis.from_url(address, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
    except ValueError:
        raise env.bad("REDIS_URL", "is not a Redis address (redis://:password@host:6379/0)") from None
    try:
        client.ping()
    except redis.RedisError as trouble:
        raise env.bad("REDIS_URL", f"names a server that cannot be used: {_first_line(trouble)}") from None
    finally:
        client.close()


def _first_line(trouble: Exception) -> str:
    """What the library says; neither of the two repeats a password."""
    return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0].rstrip(".")
