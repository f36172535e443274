"""The web process's pool of connections after PostgreSQL was restarted."""

import copy
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection
from django.db.utils import ConnectionHandler

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = 6


@pytest.fixture
def pooled() -> Iterator[ConnectionHandler]:
    """Connections to the test's database as the web process has them."""
    values = copy.deepcopy(connection.settings_dict)
    pool = {"min_size": 1, "max_size": SIZE, "timeout": 5}
    values |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    values["OPTIONS"] |= {"pool": pool, "application_name": "pooled"}
    handler = ConnectionHandler({"default": values})
    yield handler
    handler["default"].close_pool()  # type: ignore[attr-defined]  # the stubs know no pools


def asks(handler: ConnectionHandler, seconds: float = 0) -> bool:
    """One request's query; whether it was answered."""
    try:
        with handler["default"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [seconds])
    except OperationalError:
        return False
    finally:
        handler["default"].close()
    return True


def break_all() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pooled'"
        )
        return int(cursor.fetchone()[0])


def test_a_restart_of_the_database_costs_one_request_and_no_waiting(pooled: ConnectionHandler) -> None:
    with ThreadPoolExecutor(SIZE) as threads:
        assert all(threads.map(lambda _: asks(pooled, 0.2), range(SIZE)))
    assert break_all() >= SIZE - 1
    began = time.monotonic()
    answered = [asks(pooled) for _ in range(SIZE)]
    assert answered == [False] + [True] * (SIZE - 1)
    assert time.monotonic() - began < 3
