"""The statements of one chunk, set-based. To be called inside the chunk's transaction."""

import json
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection
from django.utils import timezone

from campaigns.importing.chunks import STAGED, Chunk
from campaigns.models import Contact, ContactImport, ImportIssue

LONGEST_KEPT_CELL = 1_000
_REJECTED, _DUPLICATE = ImportIssue.Kind.REJECTED, ImportIssue.Kind.DUPLICATE

_STAGE = f"CREATE TEMPORARY TABLE stage ({STAGED})"
_INSERT_PEOPLE = """
    WITH new AS (
        INSERT INTO campaigns_contact
            (contact_list_id, contact_import_id, created_at, phone, name, time_zone, variables, line)
        SELECT %s, %s, %s, phone, name, time_zone, variables, line FROM stage
        ON CONFLICT (contact_list_id, phone) DO NOTHING RETURNING line)
    SELECT line FROM stage WHERE NOT EXISTS (SELECT FROM new WHERE new.line = stage.line)"""
_COPY_ISSUES = 'COPY campaigns_importissue (contact_import_id, kind, line, reason, value, "row") FROM STDIN'


def insert_people(job: ContactImport, chunk: Chunk) -> set[int]:
    """Store whoever is not in the list yet; the lines of the others. The first of two in a file wins."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY stage FROM STDIN") as copy:
            copy.write(chunk.staged)
        cursor.execute(_INSERT_PEOPLE, [job.contact_list_id, job.pk, timezone.now()])
        repeated = {line for (line,) in cursor.fetchall()}
        cursor.execute("DROP TABLE stage")
    return repeated


def insert_issues(job: ContactImport, issues: Iterable[ImportIssue]) -> None:
    """Store the rows that became nobody, in the order of the file."""
    with connection.cursor() as cursor, cursor.copy(_COPY_ISSUES) as copy:
        for issue in sorted(issues, key=lambda issue: issue.line):
            cells = json.dumps(issue.row, ensure_ascii=False)
            copy.write_row((job.pk, issue.kind, issue.line, issue.reason[:200], issue.value[:200], cells))


def rejections(chunk: Chunk) -> Iterator[ImportIssue]:
    """Rows that hold no number to dial."""
    for found, row in chunk.bad:
        yield ImportIssue(kind=_REJECTED, line=found.line, reason=found.reason, value=found.value, row=_kept(row.cells))


def repetitions(job: ContactImport, chunk: Chunk, lines: set[int]) -> Iterator[ImportIssue]:
    """The rows of these lines, whose number was there before, each with where it was first."""
    repeated = [each for each in chunk.people if each.line in lines]
    cells = {row.line: row.cells for row in chunk.cells if row.line in lines}
    first = _first_seen(job, [each.phone for each in repeated])
    for each in repeated:
        yield ImportIssue(
            kind=_DUPLICATE, line=each.line, reason=first[each.phone], value=each.phone, row=_kept(cells[each.line])
        )


def _first_seen(job: ContactImport, numbers: Sequence[str]) -> dict[str, str]:
    known = Contact.objects.filter(contact_list=job.contact_list_id, phone__in=numbers)
    seen = known.values_list("phone", "line", "contact_import", "contact_import__file_name")
    return {
        phone: f"Same number as line {line:,}"
        if import_id == job.pk
        else f"Already in this list: line {line:,} of {(file_name or 'an earlier file')[:120]}"
        for phone, line, import_id, file_name in seen
    }


def _kept(cells: Sequence[str]) -> list[str]:
    return [cell[:LONGEST_KEPT_CELL] for cell in cells]
