"""A dial loop's identity: a number whose advisory lock lives and dies with a plain connection of its own.

Never one of Django's connections: a pooled one keeps its locks after close() and hands them to the next borrower.
"""

import logging

import psycopg

from campaigns import own_connections
from campaigns.pacing import ACCOUNT_LOCK, OWNER_LOCK

log = logging.getLogger(__name__)


class Owner:
    """`number` is in the intents that this loop writes, and its lock is held as long as the connection lives.

    Raises psycopg.OperationalError without a database, or with one that is not safe to dial with (UnsafeDatabase).
    """

    def __init__(self) -> None:
        self._connection = own_connections.connect()
        try:
            own_connections.safe(self._connection)
        except psycopg.Error:
            self._connection.close()
            raise
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
