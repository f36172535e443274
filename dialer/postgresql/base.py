"""A restart of PostgreSQL breaks every connection of the pool, and each would cost somebody a request to find out.

Nobody asks each time before a connection is lent (Django's CONN_HEALTH_CHECKS: one round trip a request, and after a
restart psycopg_pool backs off between the broken ones until its 10 s are over; measured). Instead, who gives back a
broken connection has all others looked at.
"""

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection of one thread, out of the pool if there is one."""

    def _close(self) -> None:
        broken = self.connection is not None and self.connection.closed
        super()._close()  # type: ignore[misc]  # the stubs lack it
        if broken and self.pool:
            self.pool.check()
