"""Moves an uploaded file into its list: chunk by chunk, each in one transaction, so that a kill anywhere loses nothing.

The promise: rows = imported + duplicates + rejected after every commit. A chunk writes its contacts, its issues and
how far it came together; whoever goes on after a kill skips the rows that are committed. Two workers never run the
same import: an advisory lock keeps them apart, and a chunk that finds the import further on than it left it gives up.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from django.db import DataError, connection, transaction
from django.db import Error as DatabaseError
from django.db.models import F
from django.utils import timezone

from campaigns import own_connections
from campaigns.audit import Actor
from campaigns.importing import consent, issues, reading, removing, storing, uploads
from campaigns.importing.chunks import Chunk, ahead, chunks, together
from campaigns.importing.options import REPLACE, Options
from campaigns.importing.people import Columns
from campaigns.importing.reading import NotACsv
from campaigns.lifecycle import IMPORT, ImportStatus, advance
from campaigns.models import ContactImport, ContactList

CHUNK_ROWS = 20_000  # about half a second of work, so that a progress bar moves each second
IMPORT_LOCK = 7_403  # first key of the advisory lock; the second is the import's id
BROKEN = "This file cannot be imported: reading it ended in a fault of ours, which is in the log. What came in stays."

log = logging.getLogger(__name__)


class Busy(Exception):
    """Another process is importing this file."""


class Cancelled(Exception):
    """Somebody has cancelled the import; what was imported before stays."""


class NotDue(Exception):
    """The import waits for its columns, or has ended."""


@dataclass(frozen=True)
class Counts:
    """What was read so far; rows = imported + duplicates + rejected."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0


Progress = Callable[[Counts], None]


def run(import_id: int, progress: Progress | None = None, *, chunk_rows: int = CHUNK_ROWS) -> Counts:
    """Import a queued file, or finish one that a dead process left; returns the counts, calls `progress` a chunk.

    Raises Busy, NotDue, or NotACsv (then the import has failed with that reason). Anything else, such as a lost
    database, leaves it as it is: the next `run` goes on behind the last commit.
    """
    with only_one(import_id):
        return _run(import_id, progress, chunk_rows)


def run_now(
    contact_import: ContactImport,
    phone_column: str,
    name_column: str,
    *,
    by: Actor,
    options: Options | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Counts:
    """Queue an uploaded file and import it in this process; no worker can come between. Otherwise as `run`."""
    with only_one(contact_import.pk):
        uploads.queue(contact_import, phone_column, name_column, options, by=by, name=name)
        return _run(contact_import.pk, progress, CHUNK_ROWS)


def next_due() -> int | None:
    """The oldest import that waits for a worker, or whose worker died: its id."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_DUE, [IMPORT_LOCK])
        row = cursor.fetchone()
    return row[0] if row else None


_NEXT_DUE = """
    SELECT id FROM campaigns_contactimport AS waiting
    WHERE status IN ('queued', 'running', 'undoing') AND NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = waiting.id
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY created_at, id LIMIT 1"""


def run_due() -> bool:
    """Run or undo one import that is due, to its end; False when there is none. An unreadable file is recorded."""
    import_id = next_due()
    if import_id is None:
        return False
    with suppress(Busy, NotDue, NotACsv), only_one(import_id):
        if ContactImport.objects.filter(pk=import_id, status=ImportStatus.UNDOING).exists():
            removing.undo_all(import_id)
        else:
            _run_or_fail(import_id)
    return True


def _run_or_fail(import_id: int) -> None:
    """A file that we stumble over ends as failed: left as it is, it would be first again, and no other had its turn."""
    try:
        _run(import_id, None, CHUNK_ROWS)
    except (Busy, NotDue, NotACsv):
        raise
    except Exception as fault:
        if isinstance(fault, (DatabaseError, psycopg.Error)) and not isinstance(fault, (DataError, psycopg.DataError)):
            raise  # a lost database comes back, and the import goes on
        log.exception("import %s cannot be read", import_id)
        _end(import_id, ImportStatus.FAILED, error=BROKEN)


@contextmanager
def only_one(import_id: int) -> Iterator[None]:
    """Hold the import's lock; raises Busy. On a connection of its own, so that it dies with this process."""
    with own_connections.connect() as own:
        row = own.execute("SELECT pg_try_advisory_lock(%s, %s)", [IMPORT_LOCK, import_id]).fetchone()
        if not (row and row[0]):
            raise Busy(f"import {import_id} is being run by another process")
        try:
            yield
        finally:
            with suppress(psycopg.OperationalError):  # a lost connection has given it already
                own.execute("SELECT pg_advisory_unlock_all()")


def _run(import_id: int, progress: Progress | None, chunk_rows: int) -> Counts:
    job = _begin(import_id)
    options = Options.of(job.options)
    try:
        with uploads.opened(job) as (file, shape):
            columns = _columns(job, shape)
            _merge_columns(job.contact_list_id, columns)
            for chunk in ahead(chunks(file, shape, columns, skip=job.rows, size=chunk_rows)):
                _import_chunk(job, chunk)
                if progress:
                    progress(counts(job))
            if options.how == REPLACE:
                _refuse_to_empty(job)
                removing.remove_the_others(job)
    except Cancelled:
        return counts(job)
    except NotACsv as refused:
        _end(import_id, ImportStatus.FAILED, error=refused.reason)
        raise
    _end(import_id, ImportStatus.DONE, bytes_read=F("size"))
    return counts(job)


def _refuse_to_empty(job: ContactImport) -> None:
    """A file without one usable row, such as one with the wrong phone column, must not take everybody off a list."""
    if not job.imported:
        raise NotACsv(
            "Nobody in this file can be imported, so it replaces nobody and the list stays as it is. "
            "Check the phone column and upload it again."
        )


def counts(job: ContactImport) -> Counts:
    """The counts of an import as they stand."""
    return Counts(job.rows, job.imported, job.duplicates, job.rejected)


def _begin(import_id: int) -> ContactImport:
    waiting = ContactImport.objects.filter(pk=import_id)
    advance(waiting, IMPORT, ImportStatus.RUNNING, field="status", started_at=timezone.now())
    job = waiting.filter(status=ImportStatus.RUNNING).select_related("contact_list").first()
    if job is None:
        raise NotDue(f"import {import_id} is neither queued nor running")
    return job


def _end(import_id: int, status: ImportStatus, **changes: object) -> None:
    ended = ContactImport.objects.filter(pk=import_id)
    advance(ended, IMPORT, status, field="status", finished_at=timezone.now(), **changes)


def _columns(job: ContactImport, shape: reading.Shape) -> Columns:
    try:
        region, options = job.contact_list.region, Options.of(job.options)
        return Columns.named(shape.header, job.phone_column, job.name_column, region, options)
    except ValueError as error:
        raise NotACsv(f"The file has no column “{job.phone_column}” any more. Upload it again.") from error


def _merge_columns(list_id: int, columns: Columns) -> None:
    with transaction.atomic():
        contact_list = ContactList.objects.select_for_update(no_key=True).get(pk=list_id)
        contact_list.columns += [name for name in columns.extra if name not in contact_list.columns]
        contact_list.types |= {name: kind for _, name, kind, _ in columns.typed}
        contact_list.save(update_fields=["columns", "types"])


_COUNTED = ("rows", "imported", "updated", "duplicates", "rejected", "flagged", "suppressed", "repairs", "bytes_read")


def _import_chunk(job: ContactImport, chunk: Chunk) -> None:
    """Write one chunk; `job` is brought up to date.

    The list is locked first: two files that go into one list at once take turns, which spares them deadlocks and makes
    the ids of committed contacts grow, so that a running campaign enrols appended people by id and misses none.
    """
    with transaction.atomic():
        ContactList.objects.select_for_update(no_key=True).get(pk=job.contact_list_id)
        now = ContactImport.objects.select_for_update().get(pk=job.pk)
        if now.status == ImportStatus.CANCELLED:
            raise Cancelled
        if now.rows != job.rows or now.status != ImportStatus.RUNNING:
            raise Busy(f"import {job.pk} was taken over by another process")
        consent.take_out(job.contact_list_id, chunk)
        stored = storing.store_people(job, chunk, Options.of(job.options))
        out = stored.repeated | stored.opted_out
        flagged = list(issues.flags(chunk, out))
        rejected = [*issues.rejections(chunk), *issues.opted_out(chunk, stored.opted_out)]
        issues.insert(job, [*rejected, *issues.repetitions(job, chunk, stored.repeated), *flagged])
        now.rows += chunk.rows
        now.imported += len(chunk.found.lines) - len(out)
        now.updated += stored.updated
        now.duplicates += len(stored.repeated)
        now.rejected += len(rejected)
        now.flagged += len(flagged)
        now.suppressed += stored.suppressed
        now.repairs = together(now.repairs, chunk.repairs)
        now.bytes_read = chunk.bytes_read
        now.save(update_fields=_COUNTED)
    job.rows, job.imported, job.duplicates, job.rejected = now.rows, now.imported, now.duplicates, now.rejected
