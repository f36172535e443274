"""One row of a file to one person as stored, or the reason why not. Pure; shared by the preview and the import."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from campaigns.importing import phones
from campaigns.importing.reading import Row

LONGEST_NAME = 200
REPORT_COLUMNS = ("Dialer line", "Dialer reason")  # of the rejects that we hand out; not kept when they come back
EMPTY_ROW = "The row is empty"


class Person(NamedTuple):
    """A contact as it will be stored: `values` of the columns `Columns.extra`; `note` says what was repaired."""

    line: int
    phone: str
    name: str
    time_zone: str
    values: tuple[str, ...]
    note: str


class BadRow(NamedTuple):
    """A row that becomes nobody: `value` is the cell at fault, as in the file."""

    line: int
    reason: str
    value: str


@dataclass(frozen=True)
class Columns:
    """Where things stand in a row: positions; `name` is None when no column holds names."""

    header: tuple[str, ...]
    phone: int
    name: int | None
    region: str

    @classmethod
    def named(cls, header: Sequence[str], phone: str, name: str, region: str) -> "Columns":
        """By the names of the columns; ValueError when the header has no such phone column."""
        place = header.index(name) if name in header and name != phone else None
        return cls(tuple(header), list(header).index(phone), place, region)

    @cached_property
    def extra(self) -> list[str]:
        """The names of the columns that are kept as variables."""
        return [self.header[place] for place in self.places]

    @cached_property
    def places(self) -> list[int]:
        """Where the columns of `extra` stand in a row."""
        return [
            place
            for place, heading in enumerate(self.header)
            if place not in (self.phone, self.name) and heading not in REPORT_COLUMNS
        ]


def person(row: Row, columns: Columns) -> Person | BadRow:
    """Who stands in the row."""
    problem = _problem(row, columns)
    missing = len(columns.header) - len(row.cells)
    cells = row.cells + [""] * missing if missing > 0 else row.cells
    if problem:
        return BadRow(row.line, problem, cells[columns.phone] if cells else "")
    found = phones.normalise(cells[columns.phone], columns.region)
    if isinstance(found, phones.Rejected):
        return BadRow(row.line, _reason(found, cells), cells[columns.phone])
    name = "" if columns.name is None else " ".join(cells[columns.name].split())[:LONGEST_NAME]
    values = tuple([_text(cells[place]) for place in columns.places])
    return Person(row.line, found.e164, name, found.time_zone, values, found.note)


def _text(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it as a formula."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@") else cell


def _problem(row: Row, columns: Columns) -> str:
    if row.problem:
        return row.problem
    if len(row.cells) > len(columns.header) and any(cell.strip() for cell in row.cells[len(columns.header) :]):
        return (
            f"{len(row.cells)} cells where the file has {len(columns.header)} columns: "
            "put a cell that contains the delimiter in quotation marks"
        )
    return ""


def _reason(found: phones.Rejected, cells: Sequence[str]) -> str:
    return found.reason if any(cell.strip() for cell in cells) else EMPTY_ROW
