"""What a page asks of the database."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def statements(visit: Callable[[], object]) -> int:
    """How many a visit costs, once the connection has prepared what it prepares once."""
    visit()
    with CaptureQueriesContext(connection) as queries:
        visit()
    return len(queries)
