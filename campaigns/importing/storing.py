"""The statements of one chunk, set-based. To be called inside the chunk's transaction."""

import json
from collections.abc import Iterable, Iterator, Sequence

from django.db import connection
from django.utils import timezone

from campaigns.importing.chunks import COLUMNS, STAGED, Chunk
from campaigns.models import Contact, ContactImport, ImportIssue

LONGEST_KEPT_CELL = 1_000
_REJECTED, _DUPLICATE, _FLAGGED = ImportIssue.Kind.REJECTED, ImportIssue.Kind.DUPLICATE, ImportIssue.Kind.FLAGGED

_STAGE = f"CREATE TEMPORARY TABLE stage ({STAGED})"
_INSERT_PEOPLE = f"""
    WITH new AS (
        INSERT INTO campaigns_contact (contact_list_id, contact_import_id, created_at, {COLUMNS})
        SELECT %s, %s, %s, {COLUMNS} FROM stage
        ON CONFLICT (contact_list_id, phone) DO NOTHING RETURNING line)
    SELECT line FROM stage WHERE NOT EXISTS (SELECT FROM new WHERE new.line = stage.line)"""  # noqa: S608 (our words)
_SUPPRESSED = """
    SELECT count(*) FROM stage WHERE line <> ALL(%s)
        AND EXISTS (SELECT FROM campaigns_suppression AS one WHERE one.phone = stage.phone)"""
_COPY_ISSUES = 'COPY campaigns_importissue (contact_import_id, kind, line, "column", reason, value, "row") FROM STDIN'


def insert_people(job: ContactImport, chunk: Chunk) -> tuple[set[int], int]:
    """Store whoever is not in the list yet; the lines of the others, and how many new ones are on do-not-call.

    The first of two in a file wins.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY stage FROM STDIN") as copy:
            copy.write(chunk.staged)
        cursor.execute(_INSERT_PEOPLE, [job.contact_list_id, job.pk, timezone.now()])
        repeated = {line for (line,) in cursor.fetchall()}
        cursor.execute(_SUPPRESSED, [list(repeated)])
        suppressed: int = cursor.fetchone()[0]
        cursor.execute("DROP TABLE stage")
    return repeated, suppressed


def insert_issues(job: ContactImport, issues: Iterable[ImportIssue]) -> None:
    """Store the rows that became nobody, in the order of the file."""
    with connection.cursor() as cursor, cursor.copy(_COPY_ISSUES) as copy:
        for issue in sorted(issues, key=lambda issue: issue.line):
            cells = json.dumps(issue.row, ensure_ascii=False)
            words = (issue.column[:100], issue.reason[:200], issue.value[:200])
            copy.write_row((job.pk, issue.kind, issue.line, *words, cells))


def rejections(chunk: Chunk) -> Iterator[ImportIssue]:
    """Rows that hold no number to dial."""
    for found, row in chunk.bad:
        yield ImportIssue(
            kind=_REJECTED,
            line=found.line,
            column=found.column,
            reason=found.reason,
            value=found.value,
            row=_kept(row.cells),
        )


def flags(chunk: Chunk, repeated: set[int]) -> Iterator[ImportIssue]:
    """Rows that came in with a value that is not of its column's kind."""
    for each in chunk.people:
        if each.wrong[0] and each.line not in repeated:
            column, value = each.wrong
            yield ImportIssue(kind=_FLAGGED, line=each.line, column=column, reason=each.flag, value=value, row=[])


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
