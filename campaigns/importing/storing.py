"""The statements of one chunk, set-based. To be called inside the chunk's transaction."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import connection
from django.utils import timezone

from campaigns.importing.people import BadRow, Person
from campaigns.importing.reading import Row
from campaigns.models import Contact, ContactImport, ImportIssue

LONGEST_KEPT_CELL = 1_000
_REJECTED, _DUPLICATE = ImportIssue.Kind.REJECTED, ImportIssue.Kind.DUPLICATE

# Measured for 5,000 people: COPY and this 80 ms, one JSON parameter 110, arrays with unnest 130, bulk_create 250.
_STAGE = "CREATE TEMPORARY TABLE stage (line int, phone text, name text, time_zone text, variables jsonb)"
_COPY = "COPY stage FROM STDIN"
_INSERT_PEOPLE = """
    INSERT INTO campaigns_contact
        (contact_list_id, contact_import_id, created_at, phone, name, time_zone, variables, line)
    SELECT %s, %s, %s, phone, name, time_zone, variables, line FROM stage ORDER BY line
    ON CONFLICT (contact_list_id, phone) DO NOTHING RETURNING line"""

_INSERT_ISSUES = """
    INSERT INTO campaigns_importissue (contact_import_id, kind, line, reason, value, "row")
    SELECT %s, kind, line, reason, value, cells
    FROM json_to_recordset(%s::json) AS given (kind text, line int, reason text, value text, cells jsonb)"""


def insert_people(job: ContactImport, people: Sequence[Person]) -> set[int]:
    """Store whoever is not in the list yet; the lines of those who were new. The first of two in a file wins."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for one in people:
                variables = json.dumps(one.variables, ensure_ascii=False)
                copy.write_row((one.line, one.phone, one.name, one.time_zone, variables))
        cursor.execute(_INSERT_PEOPLE, [job.contact_list_id, job.pk, timezone.now()])
        new = {line for (line,) in cursor.fetchall()}
        cursor.execute("DROP TABLE stage")
    return new


def insert_issues(job: ContactImport, issues: Iterable[ImportIssue]) -> None:
    """Store the rows that became nobody."""
    given = _json(
        [
            {
                "kind": issue.kind,
                "line": issue.line,
                "reason": issue.reason[:200],
                "value": issue.value[:200],
                "cells": issue.row,
            }
            for issue in issues
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_ISSUES, [job.pk, given])


def _json(rows: list[dict[str, object]]) -> str:
    return json.dumps(rows, ensure_ascii=False)


def rejections(bad: Iterable[tuple[BadRow, Row]]) -> Iterator[ImportIssue]:
    """Rows that hold no number to dial."""
    for found, row in bad:
        yield ImportIssue(kind=_REJECTED, line=found.line, reason=found.reason, value=found.value, row=_kept(row.cells))


def repetitions(
    job: ContactImport, repeated: Sequence[Person], cells: Mapping[int, Sequence[str]]
) -> Iterator[ImportIssue]:
    """Rows whose number was there before, each with where it was first."""
    first = _first_seen(job, repeated)
    for each in repeated:
        yield ImportIssue(
            kind=_DUPLICATE, line=each.line, reason=first[each.phone], value=each.phone, row=_kept(cells[each.line])
        )


def _first_seen(job: ContactImport, repeated: Sequence[Person]) -> dict[str, str]:
    numbers = [each.phone for each in repeated]
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
