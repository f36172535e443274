"""SQL by hand, several statements in one trip to the server; each of them sees what was committed when it began."""

from collections.abc import Iterable
from typing import Any

from django.db import connection


def ask(*statements: str, **values: Any) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement (all of them give some); values are written `%(name)s`."""
    with connection.cursor() as cursor:
        cursor.execute(";".join(statements), values)
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    return found


def tell(statement: str, values: Any = (), /, **named: Any) -> int:
    """Run a statement that gives no rows, with values by place or by name; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or named)
        changed: int = cursor.rowcount
    return changed


def words(states: Iterable[str]) -> list[str]:
    """States as plain text, for `state = ANY(%(states)s)`."""
    return sorted(map(str, states))
