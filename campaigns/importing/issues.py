"""The rows of a chunk that became nobody, or somebody with a flag, as the report and the rejects show them."""

from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
from typing import NamedTuple

from django.db import connection

from campaigns.importing.chunks import Chunk
from campaigns.importing.storing import array
from campaigns.models import ContactImport, ImportIssue

LONGEST_KEPT_CELL = 1_000
OPTED_OUT = "This person asked not to be called at another number, so they get no new one"
_SAME_PERSON = "Same person as an earlier line, by your id"
_COPY = 'COPY campaigns_importissue (contact_import_id, line, kind, "column", reason, value, "row") FROM STDIN'
_FIRST = """
    SELECT given.phone, known.line, known.import FROM unnest(%s::text[]) AS given (phone), LATERAL (
        SELECT line, coalesce(changed_by, contact_import_id) AS import FROM campaigns_contact AS person
        WHERE person.contact_list_id = %s AND person.phone = given.phone OFFSET 0) AS known"""


class Issue(NamedTuple):
    """As an ImportIssue, which takes ten times as long to make."""

    line: int
    kind: ImportIssue.Kind
    column: str
    reason: str
    value: str
    row: Sequence[str]


def insert(job: ContactImport, issues: Iterable[Issue]) -> None:
    """Store them in the order of the file."""
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for line, kind, column, reason, value, cells in sorted(issues, key=lambda issue: issue.line):
            row = f"[{', '.join([encode_basestring(cell[:LONGEST_KEPT_CELL]) for cell in cells])}]"
            copy.write_row((job.pk, line, kind.value, column[:100], reason[:200], value[:200], row))


def rejections(chunk: Chunk) -> Iterator[Issue]:
    """Rows that hold no number to dial."""
    for bad, row in chunk.found.bad:
        yield Issue(bad.line, ImportIssue.Kind.REJECTED, bad.column, bad.reason, bad.value, row.cells)


def flags(chunk: Chunk, out: set[int]) -> Iterator[Issue]:
    """Rows that came in with a value that is not of its column's kind; those of the lines `out` did not."""
    for one in chunk.found.flagged:
        if one.line not in out:
            column, value = one.wrong
            yield Issue(one.line, ImportIssue.Kind.FLAGGED, column, one.flag, value, [])


def opted_out(chunk: Chunk, theirs: set[int]) -> Iterator[Issue]:
    """The rows of these lines, whose people have asked not to be called at the number that they had so far."""
    for line, phone, cells in chunk.rows_of(theirs):
        yield Issue(line, ImportIssue.Kind.REJECTED, "", OPTED_OUT, phone, cells)


def repetitions(job: ContactImport, chunk: Chunk, theirs: set[int]) -> Iterator[Issue]:
    """The rows of these lines, whose number was there before, each with where it was first."""
    repeated = list(chunk.rows_of(theirs))
    first = _first_seen(job, [phone for _, phone, _ in repeated])
    for line, phone, cells in repeated:
        yield Issue(line, ImportIssue.Kind.DUPLICATE, "", first.get(phone, _SAME_PERSON), phone, cells)


def _first_seen(job: ContactImport, numbers: Sequence[str]) -> dict[str, str]:
    """Where each number that is on the list came from, in words."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, [array(numbers), job.contact_list_id])
        seen = cursor.fetchall()
    files = dict(ContactImport.objects.filter(pk__in={pk for *_, pk in seen}).values_list("pk", "file_name"))
    return {
        phone: f"Same number as line {line:,}"
        if import_id == job.pk
        else f"Already in this list: line {line:,} of {files.get(import_id, 'an earlier file')[:120]}"
        for phone, line, import_id in seen
    }
