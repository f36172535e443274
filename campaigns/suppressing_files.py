"""A file of numbers for the do-not-call list, read as contact lists are; bad lines are reported, good ones count."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from campaigns import suppressing
from campaigns.audit import Actor
from campaigns.importing import headings, mapping, phones, reading, workbooks
from campaigns.importing.phones import Rejected

MOST_ROWS = 100_000
AT_ONCE = 5_000  # numbers a transaction: it holds the pacers' locks
REASONS = ("reason", "why", "comment", "remark", "remarks")
SHOWN = 20


@dataclass(frozen=True)
class BadLine:
    line: int
    problem: str


@dataclass(frozen=True)
class Report:
    """rows = added + already there + repeated + bad."""

    rows: int
    added: int
    already: int
    repeated: int
    bad: Sequence[BadLine]  # the first SHOWN
    bad_count: int


def suppress_file(file: BinaryIO, *, reason: str, region: str, by: Actor) -> Report:
    """Put every number of the file on the list; a column of reasons wins over `reason`. Raises reading.NotACsv."""
    with workbooks.as_text(file) as text:
        return _suppress_rows(text.file, reason, region, by)


def _suppress_rows(file: BinaryIO, reason: str, region: str, by: Actor) -> Report:
    shape = reading.look(file)
    column = mapping.guess_in(file, shape, region).phone
    if not column:
        raise reading.NotACsv("No column of the file holds phone numbers. Put them into one column.")
    place, why = shape.header.index(column), _reason_column(shape)
    by_reason: dict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    bad: list[BadLine] = []
    rows = repeated = 0
    for row in _rows(file, shape):
        rows += 1
        found = phones.normalise(_cell(row, place), region)
        if row.problem or isinstance(found, Rejected):
            bad.append(BadLine(row.line, row.problem or (found.reason if isinstance(found, Rejected) else "")))
        elif found.e164 in seen:
            repeated += 1
        else:
            seen.add(found.e164)
            by_reason[_cell(row, why).strip()[:200] or reason].append(found.e164)
    added = sum(_suppress(numbers, words, by) for words, numbers in by_reason.items())
    return Report(rows, added, len(seen) - added, repeated, bad[:SHOWN], len(bad))


def _rows(file: BinaryIO, shape: reading.Shape) -> Iterator[reading.Row]:
    for count, row in enumerate(reading.rows(file, shape), 1):
        if count > MOST_ROWS:
            raise reading.NotACsv(f"The file has more than {MOST_ROWS:,} rows. Split it; nobody was added yet.")
        yield row


def _reason_column(shape: reading.Shape) -> int | None:
    """The place of the column of reasons, if the file has one."""
    if not shape.has_header:
        return None
    return next((place for place, name in enumerate(shape.header) if headings.words(name) in REASONS), None)


def _cell(row: reading.Row, place: int | None) -> str:
    return row.cells[place] if place is not None and place < len(row.cells) else ""


def _suppress(numbers: Sequence[str], reason: str, by: Actor) -> int:
    parts = [numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE)]
    return sum(suppressing.suppress(part, reason=reason, by=by, source="file") for part in parts)
