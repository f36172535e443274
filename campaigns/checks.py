"""System checks: what would make the dialer unsafe stops the start."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection


@register(Tags.database, deploy=False)
def safe_database(app_configs: Sequence[AppConfig] | None, **_: object) -> list[CheckMessage]:
    """Refuse settings of the server that would forget a written intent or break the loop's locks."""
    problems: list[CheckMessage] = []
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        row = cursor.fetchone()
    if row and row[0] == "off":
        problems.append(
            Error(
                "PostgreSQL runs with synchronous_commit=off: after a crash it forgets calls that were placed.",
                hint="Set synchronous_commit to on for this database or role.",
                id="campaigns.E001",
            )
        )
    return problems
