"""SQL by hand for the few statements of which every call needs some: named, prepared, several in one trip.

The server plans a prepared statement once, which takes it several times as long as running it. Plans are made for
tables as large as they are at that moment, so whoever runs for long says `plan_anew` now and then.
"""

import re
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

Rows = list[tuple[Any, ...]]

_prepared: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()  # names, by the server's connection


class Statement:
    """A statement by name. In its text `%(value)s` are values, of the types named by keyword."""

    def __init__(self, name: str, text: str, **types: str) -> None:
        self.name = name
        self._values = types
        numbers = {value: f"${place}" for place, value in enumerate(types, 1)}
        body = re.sub(r"%\((\w+)\)s", lambda found: numbers[found[1]], text)
        declared = f"({', '.join(types.values())})" if types else ""
        self.prepare = f"PREPARE {name} {declared} AS {body}"
        given = f"({', '.join(f'%({value})s' for value in types)})" if types else ""
        self.execute = f"EXECUTE {name} {given}"


def ask(*statements: Statement | str, **values: Any) -> list[Rows]:
    """The rows of each of the statements, all in one trip; each of them sees what was committed when it began."""
    with connection.cursor() as cursor:
        _prepare(cursor, statements)
        words = [one.execute if isinstance(one, Statement) else one for one in statements]
        cursor.execute(";".join(words), values)
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
    return found


def plan_anew() -> None:
    """Forget the plans of this connection: the tables may have grown."""
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")


def either(states: Iterable[str]) -> str:
    """States as a list of literals: a partial index serves only conditions that the planner can read."""
    return "(" + ", ".join(f"'{state}'" for state in sorted(map(str, states))) + ")"


def _prepare(cursor: Any, statements: Iterable[Statement | str]) -> None:
    known = _prepared.setdefault(connection.connection, set())
    for one in statements:
        if isinstance(one, Statement) and one.name not in known:
            cursor.execute(one.prepare)
            known.add(one.name)
