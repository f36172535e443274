"""A dial loop's identity: a number whose advisory lock lives and dies with a plain connection of its own.

Never one of Django's connections: a pooled one keeps its locks after close() and hands them to the next borrower.
"""

import logging
from typing import Any

import psycopg
from django.db import connection

from campaigns.pacing import ACCOUNT_LOCK, OWNER_LOCK

log = logging.getLogger(__name__)


class Owner:
    """`number` is in the intents that this loop writes; `alive` is false once the connection is lost."""

    def __init__(self) -> None:
        self._connection = psycopg.connect(**_parameters(), autocommit=True)
        row = self._connection.execute("SELECT nextval('campaigns_dial_owner')").fetchone()
        self.number: int = row[0] if row else 0
        self._connection.execute("SELECT pg_advisory_lock(%s, %s)", [OWNER_LOCK, self.number])

    def take_account(self, account_id: int) -> bool:
        """Become the one who drives the account; False if somebody else does."""
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [ACCOUNT_LOCK, account_id]).fetchone()
        return bool(row and row[0])

    def give_account(self, account_id: int) -> None:
        """Let the next tick drive the account. A lost connection has given it already."""
        try:
            self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", [ACCOUNT_LOCK, account_id])
        except psycopg.Error:
            log.info("the lock connection of dial loop %s was lost; the lock went with it", self.number)

    def close(self) -> None:
        self._connection.close()


def _parameters() -> dict[str, Any]:
    """Where the default database is, with keepalives that notice a dead server."""
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
