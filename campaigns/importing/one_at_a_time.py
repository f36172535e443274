"""Whose turn it is: one file at a time goes into a list, or out of it again, and never in two processes at once.

Two files that go into one list together would disturb each other: the one that replaces the list would take off it whom
the other has just brought. So the oldest goes first. Locks are advisory and on a connection of their own, so that they
die with their process.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from django.db import connection

from campaigns import own_connections
from campaigns.lifecycle import DUE_IMPORTS
from campaigns.models import ContactImport

IMPORT_LOCK = 7_403  # first key of the advisory lock; the second is the import's id
LIST_LOCK = 7_404  # the same of its list
FAILED_LATELY = "30 seconds"  # a file that fell over so lately lets those of other lists go first

_HELD = """EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid, objid::bigint) IN ((%(import)s, waiting.id), (%(list)s, waiting.contact_list_id)))"""
_NEXT_DUE = f"""
    SELECT id FROM campaigns_contactimport AS waiting
    WHERE status IN ('queued', 'running', 'undoing') AND NOT {_HELD} AND NOT EXISTS (
        SELECT FROM campaigns_contactimport AS older
        WHERE older.status IN ('queued', 'running', 'undoing') AND older.contact_list_id = waiting.contact_list_id
            AND (older.created_at, older.id) < (waiting.created_at, waiting.id))
    ORDER BY coalesce(tried_at > clock_timestamp() - interval '{FAILED_LATELY}', false), created_at, id
    LIMIT 1"""  # noqa: S608 (our words)


class Busy(Exception):
    """Another process is importing this file, or another file into its list."""


def next_due() -> int | None:
    """The oldest import that waits for a worker, or whose worker died, and whose list is free: its id."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_DUE, {"import": IMPORT_LOCK, "list": LIST_LOCK})
        row = cursor.fetchone()
    return row[0] if row else None


def in_front_of(contact_import: ContactImport) -> ContactImport | None:
    """The oldest other file that goes into its list, or out of it, or waits to."""
    due = ContactImport.objects.filter(contact_list=contact_import.contact_list_id, status__in=DUE_IMPORTS)
    return due.exclude(pk=contact_import.pk).order_by("created_at", "pk").first()


@contextmanager
def only_one(import_id: int) -> Iterator[None]:
    """Hold the import and its list; raises Busy."""
    list_id = ContactImport.objects.values_list("contact_list_id", flat=True).get(pk=import_id)
    with own_connections.connect() as own:
        for key, pk in ((IMPORT_LOCK, import_id), (LIST_LOCK, list_id)):
            row = own.execute("SELECT pg_try_advisory_lock(%s, %s)", [key, pk]).fetchone()
            if not (row and row[0]):
                raise Busy(f"import {import_id}, or another into its list, is being run by another process")
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):  # a lost connection has given them already
                own.execute("SELECT pg_advisory_unlock_all()")
