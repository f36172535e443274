"""System checks: what would make the dialer unsafe stops the start."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from campaigns import own_connections


@register(Tags.database, deploy=False)
def safe_database(app_configs: Sequence[AppConfig] | None, **_: object) -> list[CheckMessage]:
    """Refuse a database that would forget a written intent or break the loops' locks. `migrate` asks at each start."""
    problems: list[CheckMessage] = []
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        row = cursor.fetchone()
    if row and row[0] == "off":
        hint = "Set synchronous_commit to on for this database or role."
        problems.append(Error(own_connections.FORGETS, hint=hint, id="campaigns.E001"))
    with own_connections.connect() as own:
        if own_connections.pooled(own):
            hint = "Point DATABASE_URL at PostgreSQL itself, or at the pooler in session mode (pool_mode = session)."
            problems.append(Error(own_connections.POOLED, hint=hint, id="campaigns.E002"))
    return problems
