"""Moves an uploaded file into its list: chunk by chunk, each in one transaction, so that a kill anywhere loses nothing.

The promise: rows = imported + duplicates + rejected after every commit. A chunk writes its contacts, its issues and
how far it came together; whoever goes on after a kill skips the rows that are committed. Two workers never run the
same import, nor two of one list: locks keep them apart (one_at_a_time), and a chunk that finds the import further on
than it left it gives up.
"""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import psycopg
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from campaigns.audit import Actor
from campaigns.importing import consent, issues, reading, removing, replacing, storing, uploads
from campaigns.importing.chunks import Chunk, Stride, ahead, chunks, together
from campaigns.importing.one_at_a_time import Busy, in_front_of, next_due, only_one
from campaigns.importing.options import REPLACE, Options
from campaigns.importing.people import Columns
from campaigns.importing.reading import NotACsv
from campaigns.importing.replacing import MostWouldLeave
from campaigns.lifecycle import IMPORT, ImportStatus, advance
from campaigns.models import ContactImport, ContactList

CHUNK_ROWS = 20_000  # at most: see Stride
BROKEN = "This file cannot be imported: reading it ended in a fault of ours, which is in the log. What came in stays."
STUCK = "The undo ended in a fault of ours, which is in the log. It can be tried again."
LOOK_AGAIN = 0.3  # seconds between two looks whether a list is free
# A lost or crowded database comes back. Its other faults are ours, and come again with the same file.
_PASSES = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

log = logging.getLogger(__name__)


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
    """Queue an uploaded file and import it in this process; no worker can come between. Otherwise as `run`.

    Files that are on their way into the list come first; one that nobody is at is done here.
    """
    with ExitStack() as held:
        while not _take_turn(contact_import, held):
            time.sleep(LOOK_AGAIN)
        uploads.queue(contact_import, phone_column, name_column, options, by=by, name=name)
        return _run(contact_import.pk, progress, CHUNK_ROWS)


def _take_turn(contact_import: ContactImport, held: ExitStack) -> bool:
    """Hold the list of an upload, if it is free; else see to the file in front."""
    first = in_front_of(contact_import)
    try:
        if first is None:
            held.enter_context(only_one(contact_import.pk))
            return True
        with suppress(NotDue, NotACsv), only_one(first.pk):
            _run_or_undo(first.pk)
    except Busy:
        return False
    return False


def run_due() -> bool:
    """Run or undo one import that is due, to its end; False when there is none. An unreadable file is recorded."""
    import_id = next_due()
    if import_id is None:
        return False
    with suppress(Busy, NotDue, NotACsv), only_one(import_id):
        _run_or_undo(import_id)
    return True


def _run_or_undo(import_id: int) -> None:
    """A file that we stumble over ends as failed: left as it is, it would keep its list from all others for ever."""
    undoing = ContactImport.objects.filter(pk=import_id, status=ImportStatus.UNDOING).exists()
    ContactImport.objects.filter(pk=import_id).update(tried_at=timezone.now())
    try:
        if undoing:
            removing.undo_all(import_id)
        else:
            _run(import_id, None, CHUNK_ROWS)
    except (Busy, NotDue, NotACsv, *_PASSES):
        raise
    except Exception:
        log.exception("import %s cannot be %s", import_id, "undone" if undoing else "read")
        _end(import_id, ImportStatus.FAILED, error=STUCK if undoing else BROKEN)


def _run(import_id: int, progress: Progress | None, chunk_rows: int) -> Counts:
    job = _begin(import_id)
    options = Options.of(job.options)
    try:
        with uploads.opened(job) as (file, shape):
            columns = _columns(job, shape)
            _merge_columns(job.contact_list_id, columns)
            by_id = storing.opted_out_by_id(job, options)
            stride = Stride(chunk_rows)
            began = time.monotonic()
            for chunk in ahead(chunks(file, shape, columns, skip=job.rows, stride=stride)):
                _import_chunk(job, chunk, options, by_id=by_id)
                now = time.monotonic()
                stride.took(chunk.rows, now - began)
                began = now
                if progress:
                    progress(counts(job))
            if options.how == REPLACE:
                replacing.check(job)
                removing.remove_the_others(job)
    except Cancelled:
        return counts(job)
    except NotACsv as refused:
        leaving = refused.leaving if isinstance(refused, MostWouldLeave) else 0
        _end(import_id, ImportStatus.FAILED, error=refused.reason, leaving=leaving)
        raise
    _end(import_id, ImportStatus.DONE, bytes_read=F("size"))
    return counts(job)


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


def _import_chunk(job: ContactImport, chunk: Chunk, options: Options, *, by_id: bool) -> None:
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
        consent.take_out(job, chunk)
        stored = storing.store_people(job, chunk, options, by_id=by_id)
        consent.take_out_again(job, chunk)
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
